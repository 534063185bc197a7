import { z } from 'zod';
import { authSettings, refuseOpenDoors } from '../auth/auth-settings.ts';
import { defaultRetryDelaysMs } from '../contracts/topology.ts';
import { failpointNames } from '../kernel/failpoints.ts';
import { parseRetryDelays } from '../messaging/retry-delays.ts';
import { tracingSettings } from '../observability/tracing-settings.ts';

/** The environment is not what the service needs. The message lists everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads a service's settings from environment variables; an empty variable counts as absent. The result is frozen.
 *
 * @param rules what has to hold between settings; apart, because a schema judges that only once each of its settings is
 *   right
 * @throws ConfigError naming every variable that is missing or wrong, at once.
 */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  env: NodeJS.ProcessEnv,
  rules: z.ZodType = z.unknown(),
): Readonly<z.infer<Schema>> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const settings = schema.safeParse(present);
  const issues = [settings, rules.safeParse(present)].flatMap(({ error }) => error?.issues ?? []);
  if (settings.success && issues.length === 0) return Object.freeze(settings.data);
  const problems = new Set(
    issues.map((issue) => `  ${issue.path.join('.') || 'environment'}: ${issue.message}`),
  );
  throw new ConfigError(`the environment is not complete:\n${[...problems].join('\n')}`);
}

export const port = z.coerce.number().int().min(0).max(65_535);
export const positiveInteger = z.coerce.number().int().positive();
export const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' });
export const amqpUrl = z.url({ protocol: /^amqps?$/, error: 'must be an amqp:// URL' });
export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// URL' });

const retryDelays = z.string().transform((text, context) => {
  try {
    return parseRetryDelays(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const failpoints = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(failpointNames)));

/** What both services are told. */
export const commonSettings = {
  NODE_ENV: z.enum(['development', 'test', 'production']).default('production'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  HOST: z.string().default('127.0.0.1'),
  AMQP_URL: amqpUrl,
  RETRY_DELAYS_MS: retryDelays.default(defaultRetryDelaysMs),
  OUTBOX_POLL_INTERVAL_MS: positiveInteger.default(1_000),
  OUTBOX_RETENTION_HOURS: z.coerce.number().positive().default(168),
  DATABASE_POOL_SIZE: positiveInteger.default(10),
  /** How long an idempotency key stands for its request. */
  IDEMPOTENCY_KEY_HOURS: z.coerce.number().positive().max(8_760).default(24),
  RATE_LIMIT: positiveInteger.default(100_000),
  RATE_WINDOW_MS: positiveInteger.default(10_000),
  /** Between saying that it is not ready and turning anybody away. */
  SHUTDOWN_DELAY_MS: z.coerce.number().int().min(0).max(60_000).default(0),
  FAILPOINTS: failpoints.default([]),
  /** How often the auditor goes on. */
  AUDIT_INTERVAL_MS: positiveInteger.default(60_000),
  /** How many orders it looks at each time, at most. */
  AUDIT_ORDERS_PER_RUN: positiveInteger.max(1_000_000).default(5_000),
  /** After how long without a change an order that has not ended counts as stuck. */
  AUDIT_OVERDUE_MINUTES: z.coerce.number().nonnegative().default(60),
  ...authSettings,
  ...tracingSettings,
} as const;

/** Failpoints end the process on purpose: they exist in tests alone. */
function refuseFailpointsOutsideTests(
  settings: { NODE_ENV: string; FAILPOINTS: readonly string[] },
  context: z.RefinementCtx,
): void {
  if (settings.FAILPOINTS.length > 0 && settings.NODE_ENV !== 'test') {
    context.addIssue({ code: 'custom', path: ['FAILPOINTS'], message: 'only where NODE_ENV is test' });
  }
}

const { NODE_ENV, HOST, FAILPOINTS } = commonSettings;
export const failpointRule = z.object({ NODE_ENV, FAILPOINTS }).superRefine(refuseFailpointsOutsideTests);
/** What has to hold between the settings of either service. */
export const commonRules = z.intersection(
  failpointRule,
  z.object({ NODE_ENV, HOST, ...authSettings }).superRefine(refuseOpenDoors),
);
