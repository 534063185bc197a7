import { z } from 'zod';
import {
  commonRules,
  commonSettings,
  parseEnvironment,
  port,
  postgresUrl,
} from '#shared/config/environment.ts';
import { parseNetworks } from './infrastructure/webhooks/networks.ts';

const shortestSigningKey = 32;

const signingKey = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]+={0,2}$/, 'has to be in base64')
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length >= shortestSigningKey, `has to have at least ${shortestSigningKey} bytes`);

const networks = z.string().transform((text, context) => {
  try {
    return parseNetworks(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const settings = z.object({
  ...commonSettings,
  ORDER_HTTP_PORT: port.default(3000),
  ORDER_GRPC_PORT: port.default(50_051),
  ORDER_DATABASE_URL: postgresUrl,
  /** How long the processor-service may leave an order without a word, before it is asked again. */
  ANSWER_OVERDUE_MINUTES: z.coerce.number().positive().max(10_080).default(15),
  /** How many watchers of orders one process serves at the same time. */
  MAX_ORDER_WATCHERS: z.coerce.number().int().positive().max(100_000).default(1_000),
  /** What the secrets of all webhooks are made of. */
  WEBHOOK_SIGNING_KEY: signingKey,
  /** Where webhooks may lead although it is not public. */
  WEBHOOK_ALLOWED_NETWORKS: networks.default([]),
  /** How long one attempt may take. */
  WEBHOOK_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000),
  WEBHOOK_DELIVERY_RETENTION_HOURS: z.coerce.number().positive().max(87_600).default(720),
});

/** The variables that the service reads. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

export type OrderServiceConfig = Readonly<z.infer<typeof settings>>;

/** @throws ConfigError listing everything that is wrong. */
export function parseConfig(env: NodeJS.ProcessEnv): OrderServiceConfig {
  return parseEnvironment(settings, env, commonRules);
}
