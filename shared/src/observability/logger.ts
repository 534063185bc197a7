import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** One JSON line per event on standard output: ISO time, level by name, service. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
  });
}

/** The chain of causes with codes; stacks only of what is not an expected failure. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, kind } = error as { code?: unknown; kind?: unknown };
  const expected = kind === 'unavailable' || kind === 'rejected' || kind === 'conflict';
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(expected || isSocketError(code) ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

function isSocketError(code: unknown): boolean {
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE';
}
