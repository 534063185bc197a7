import { join } from 'node:path';
import { z } from 'zod';
import { readStackFile } from '#scripts/local-stack/stack-file.ts';
import { repositoryRoot } from '#scripts/prisma/databases.ts';
import { amqpUrl, ConfigError, httpUrl, parseEnvironment, postgresUrl } from '#shared/config/environment.ts';

const settings = z.object({
  ORDER_DATABASE_URL: postgresUrl,
  PROCESSOR_DATABASE_URL: postgresUrl,
  PAYMENT_URL: httpUrl,
  AMQP_URL: amqpUrl,
  OUTBOX_RETENTION_HOURS: z.coerce.number().positive().default(168),
});

/**
 * Where the witnesses are: what the environment says, else what a running `npm start` does.
 *
 * @throws ConfigError
 */
export function readSettings(env: NodeJS.ProcessEnv): Readonly<z.infer<typeof settings>> {
  const stack = readStackFile(env['LOCAL_STACK_DIR'] || join(repositoryRoot, '.local'));
  const local = stack && {
    ORDER_DATABASE_URL: stack.orderDatabaseUrl,
    PROCESSOR_DATABASE_URL: stack.processorDatabaseUrl,
    PAYMENT_URL: stack.paymentSandbox,
    AMQP_URL: stack.amqpUrl,
  };
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  try {
    return parseEnvironment(settings, { ...local, ...given });
  } catch (error) {
    if (stack || !(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}\nSet them, or run \`npm start\` first`);
  }
}
