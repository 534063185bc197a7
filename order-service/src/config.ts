import { z } from 'zod';
import {
  commonSettings,
  parseEnvironment,
  port,
  postgresUrl,
  refuseFailpointsOutsideTests,
} from '#shared/config/environment.ts';

const settings = z
  .object({
    ...commonSettings,
    ORDER_HTTP_PORT: port.default(3000),
    ORDER_DATABASE_URL: postgresUrl,
    /** How long an idempotency key stands for its request. */
    IDEMPOTENCY_KEY_HOURS: z.coerce.number().positive().max(8_760).default(24),
  })
  .superRefine(refuseFailpointsOutsideTests);

export type OrderServiceConfig = Readonly<z.infer<typeof settings>>;

/** @throws ConfigError listing everything that is wrong. */
export function parseConfig(env: NodeJS.ProcessEnv): OrderServiceConfig {
  return parseEnvironment(settings, env);
}
