import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingNames as orderSettings, parseConfig as parseOrderConfig } from '#order-service/config.ts';
import { parseConfig as parseSandboxConfig } from '#payment-sandbox/config.ts';
import {
  parseConfig as parseProcessorConfig,
  settingNames as processorSettings,
} from '#processor-service/config.ts';
import { repositoryRoot } from '#scripts/check/source-files.ts';
import { describeDatabase } from '#scripts/prisma/databases.ts';
import { passwordVariables, readUserSettings } from '../../rabbitmq/provide-users.ts';

/** A program of the image, and what it reads of its environment. */
export interface Program {
  readonly variables: readonly string[];
  /** Reads them as the program does. @throws if one is missing or wrong. */
  readonly read?: (environment: NodeJS.ProcessEnv) => unknown;
}

const order = describeDatabase('order');
const processor = describeDatabase('processor');

/** By what follows `node` on the command line. */
export const programs: Readonly<Record<string, Program>> = {
  'order-service/src/main.ts': { variables: orderSettings, read: parseOrderConfig },
  'processor-service/src/main.ts': { variables: processorSettings, read: parseProcessorConfig },
  'payment-sandbox/src/main.ts': { variables: [], read: parseSandboxConfig },
  'scripts/local-issuer/main.ts': { variables: ['LOCAL_STACK_DIR'] },
  'scripts/prisma/migrate.ts': requiring(order.ownerUrlVariable, processor.ownerUrlVariable),
  'scripts/prisma/await-migrations.ts': {
    variables: [order.serviceUrlVariable, processor.serviceUrlVariable],
  },
  'scripts/seed-stock.ts': requiring(processor.serviceUrlVariable),
  'rabbitmq/provide-users.ts': {
    variables: ['RABBITMQ_ADMIN_URL', 'RETRY_DELAYS_MS', ...Object.values(passwordVariables)],
    read: readUserSettings,
  },
  'rabbitmq/declare.ts': { ...requiring('AMQP_URL'), variables: ['AMQP_URL', 'RETRY_DELAYS_MS'] },
};

/** What the image itself says, in its Dockerfile. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const dockerfile = readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8');
  const said = [...dockerfile.matchAll(/^ENV (.+)$/gm)].flatMap(([, line = '']) => line.split(' '));
  return Object.fromEntries(said.map((assignment) => assignment.split('=') as [string, string]));
}

function requiring(...variables: string[]): Program {
  return {
    variables,
    read(environment) {
      const missing = variables.filter((name) => !environment[name]);
      if (missing.length > 0) throw new Error(`not set: ${missing.join(', ')}`);
    },
  };
}
