import { type Logger, pino } from 'pino';
import { toAppError } from '../kernel/errors.ts';
import { factsAtHand } from './work-at-hand.ts';

export type { Logger } from 'pino';

/** One JSON line per event on standard output: ISO time, level by name, service, and what the work at hand is about. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: factsAtHand,
    // What the line itself says comes first, and counts; then what it belongs to.
    mixinMergeStrategy: (line, facts) => Object.assign({}, line, facts, line),
    serializers: { err: serializeError },
  });
}

/** The chain of causes with codes; stacks only of what is not an expected failure. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { kind } = error as { kind?: unknown };
  const isExpected = kind === 'unavailable' || kind === 'rejected' || kind === 'conflict';
  return describeError(error, { withStacks: !isExpected });
}

/** The same without stacks, for a failure that is not the end of the matter; of what nobody has foreseen it has them. */
export function inBrief(error: unknown): unknown {
  return describeError(error, { withStacks: toAppError(error).code === 'INTERNAL' });
}

function describeError(error: unknown, { withStacks }: { withStacks: boolean }): unknown {
  if (!(error instanceof Error)) return error;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // Only wrapped: the message would be there twice, and the stack is that of the wrapping.
  if (code === 'INTERNAL' && cause instanceof Error) return describeError(cause, { withStacks });
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(withStacks && !isSocketError(code) ? { stack: error.stack } : {}),
    ...(cause === undefined ? {} : { cause: describeError(cause, { withStacks }) }),
  };
}

function isSocketError(code: unknown): boolean {
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE';
}
