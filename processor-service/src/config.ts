import { z } from 'zod';
import {
  commonSettings,
  httpUrl,
  parseEnvironment,
  port,
  positiveInteger,
  postgresUrl,
  refuseFailpointsOutsideTests,
} from '#shared/config/environment.ts';

const settings = z
  .object({
    ...commonSettings,
    PROCESSOR_HTTP_PORT: port.default(3001),
    PROCESSOR_DATABASE_URL: postgresUrl,
    PAYMENT_URL: httpUrl,
    PAYMENT_TIMEOUT_MS: positiveInteger.default(5_000),
    PROCESSOR_CONCURRENCY: positiveInteger.default(100),
    SAGA_DEADLINE_MS: positiveInteger.optional(),
    WATCHDOG_INTERVAL_MS: positiveInteger.default(10_000),
  })
  .superRefine(refuseFailpointsOutsideTests);

export type ProcessorServiceConfig = Readonly<z.infer<typeof settings>>;

/** @throws ConfigError listing everything that is wrong. */
export function parseConfig(env: NodeJS.ProcessEnv): ProcessorServiceConfig {
  return parseEnvironment(settings, env);
}
