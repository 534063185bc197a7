import { z } from 'zod';
import { refuseOpenDoors } from '#shared/auth/auth-settings.ts';
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
    ORDER_GRPC_PORT: port.default(50_051),
    ORDER_DATABASE_URL: postgresUrl,
    /** How long an idempotency key stands for its request. */
    IDEMPOTENCY_KEY_HOURS: z.coerce.number().positive().max(8_760).default(24),
    /** How many watchers of orders one process serves at the same time. */
    MAX_ORDER_WATCHERS: z.coerce.number().int().positive().max(100_000).default(1_000),
  })
  .superRefine(refuseFailpointsOutsideTests)
  .superRefine(refuseOpenDoors);

export type OrderServiceConfig = Readonly<z.infer<typeof settings>>;

/** @throws ConfigError listing everything that is wrong. */
export function parseConfig(env: NodeJS.ProcessEnv): OrderServiceConfig {
  return parseEnvironment(settings, env);
}
