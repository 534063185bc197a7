import { z } from 'zod';
import {
  amqpUrl,
  commonRules,
  commonSettings,
  failpointRule,
  httpUrl,
  parseEnvironment,
  port,
  positiveInteger,
  postgresUrl,
} from '#shared/config/environment.ts';
import type { Patience } from './domain/saga-events.ts';

/** What it takes to look after sagas without driving them, as on the command line. */
const sagaSettings = {
  PROCESSOR_DATABASE_URL: postgresUrl,
  RETRY_DELAYS_MS: commonSettings.RETRY_DELAYS_MS,
  SAGA_DEADLINE_MS: positiveInteger.optional(),
  PAYMENT_WINDOW_HOURS: z.coerce.number().positive().default(72),
};

const settings = z.object({
  ...commonSettings,
  ...sagaSettings,
  OPERATOR_AMQP_URL: amqpUrl.optional(),
  PROCESSOR_HTTP_PORT: port.default(3001),
  PAYMENT_URL: httpUrl,
  PAYMENT_TIMEOUT_MS: positiveInteger.default(5_000),
  PAYMENT_BREAKER_FAILURES: positiveInteger.default(5),
  PAYMENT_BREAKER_OPEN_MS: positiveInteger.default(5_000),
  PROCESSOR_CONCURRENCY: positiveInteger.default(100),
  REQUESTS_CONCURRENCY: positiveInteger.default(20),
  SAGA_REDRIVES: positiveInteger.default(5),
  COMPENSATION_ATTEMPTS: positiveInteger.default(10),
  COMPENSATION_RETRY_MS: positiveInteger.default(5_000),
  WATCHDOG_INTERVAL_MS: positiveInteger.default(10_000),
});

/** The variables that the service reads. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

export type ProcessorServiceConfig = Readonly<z.infer<typeof settings>>;
export type SagaConfig = Readonly<z.infer<z.ZodObject<typeof sagaSettings>>>;

/** @throws ConfigError listing everything that is wrong. */
export function parseConfig(env: NodeJS.ProcessEnv): ProcessorServiceConfig {
  return parseEnvironment(settings, env, commonRules);
}

/** @throws ConfigError listing everything that is wrong. */
export function parseSagaConfig(env: NodeJS.ProcessEnv): SagaConfig {
  return parseEnvironment(z.object(sagaSettings), env);
}

/** What the dead-letter desk on the command line is told beside where things are. @throws ConfigError */
export function parseDeskConfig(env: NodeJS.ProcessEnv): Pick<ProcessorServiceConfig, 'FAILPOINTS'> {
  const { NODE_ENV, FAILPOINTS } = commonSettings;
  return parseEnvironment(z.object({ NODE_ENV, FAILPOINTS }), env, failpointRule);
}

/** A saga may use the whole retry ladder; past this on top of it, the watchdog looks after it. */
const processingMarginMs = 120_000;

export function patienceOf(config: SagaConfig): Patience {
  const processingMs =
    config.SAGA_DEADLINE_MS ??
    config.RETRY_DELAYS_MS.reduce((total, delay) => total + delay, processingMarginMs);
  return {
    processingMs,
    paymentWindowMs: config.PAYMENT_WINDOW_HOURS * 3_600_000,
    handsOnMs: Math.min(30_000, processingMs),
  };
}
