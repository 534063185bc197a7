import { z } from 'zod';

const configSchema = z
  .object({
    HOST: z.string().min(1).default('127.0.0.1'),
    SANDBOX_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(3002),
    SANDBOX_LEDGER_FILE: z.string().min(1).default('.local/sandbox/ledger.jsonl'),
    SANDBOX_SLOW_MS: z.coerce.number().int().positive().default(2_000),
    SANDBOX_VERY_SLOW_MS: z.coerce.number().int().positive().default(15_000),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  })
  .transform((env) =>
    Object.freeze({
      host: env.HOST,
      /** 0 takes any free port. */
      port: env.SANDBOX_HTTP_PORT,
      ledgerFile: env.SANDBOX_LEDGER_FILE,
      /** Milliseconds. */
      delays: Object.freeze({ slow: env.SANDBOX_SLOW_MS, verySlow: env.SANDBOX_VERY_SLOW_MS }),
      /** `debug` also logs every request. */
      logLevel: env.LOG_LEVEL,
    }),
  );

export type Config = z.output<typeof configSchema>;

/** Reads the configuration. @throws one error that lists everything wrong with it */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = configSchema.safeParse(env);
  if (parsed.success) return parsed.data;
  throw new Error(`Invalid configuration:\n${z.prettifyError(parsed.error)}`);
}
