/**
 * Makes up the passwords of the system in containers and tells each container its own:
 * `node scripts/compose/provide-secrets.ts FOLDER`. What was made up once stays as it is, so that servers and volumes
 * keep knowing each other; everything else in the folder is written anew.
 *
 * Each folder in FOLDER is a volume of docker-compose.yml, which only its reader mounts beside us: that is the boundary.
 *
 *     kept               secrets.json: all passwords by account; setup.env: what the set-up gets
 *     postgres           password: the superuser's
 *     rabbitmq           definitions.json: the users with hashed passwords, and what they may do
 *     order-service      service.env: URLs with passwords, and the key of the webhooks
 *     processor-service  service.env: URLs with passwords
 *     audit              audit.env: URLs with passwords, of everybody it looks at
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '#scripts/local-stack/atomic-write.ts';
import { openSecrets, type Secrets } from '#scripts/local-stack/secrets.ts';
import { brokerUserNames, buildBrokerUsers } from '#shared/contracts/broker-users.ts';
import { type BrokerPasswords, defineUser, defineUsers } from '#shared/messaging/provide-users.ts';
import { passwordVariables } from '../../rabbitmq/provide-users.ts';

const virtualHost = '/';
/** Of both servers. */
const administrator = 'oms';

/** @param folder has a folder for each reader, or may create it. */
export function provideSecrets(folder: string): void {
  const kept = join(folder, 'kept');
  mkdirSync(kept, { recursive: true });
  const passwordOf = openSecrets(kept);
  const brokerPasswords = Object.fromEntries(
    brokerUserNames.map((name) => [name, passwordOf(name)]),
  ) as BrokerPasswords;
  const settings = describeSettings(passwordOf, brokerPasswords);
  // Ours alone: our image runs as the same user everywhere.
  writeFile(folder, 'kept/setup.env', toEnvFile(settings.setup));
  writeFile(folder, 'order-service/service.env', toEnvFile(settings.orderService));
  writeFile(folder, 'processor-service/service.env', toEnvFile(settings.processorService));
  writeFile(folder, 'audit/audit.env', toEnvFile(settings.audit));
  // The users of the servers' images have other ids than ours.
  writeFile(folder, 'postgres/password', passwordOf('postgres'), 0o444);
  writeFile(folder, 'rabbitmq/definitions.json', describeBroker(passwordOf, brokerPasswords), 0o444);
}

function describeSettings(passwordOf: Secrets, brokerPasswords: BrokerPasswords) {
  const database = (role: string, name: string, account = role) =>
    `postgresql://${role}:${passwordOf(account)}@postgres:5432/${name}`;
  const broker = (user: keyof BrokerPasswords) => `amqp://${user}:${brokerPasswords[user]}@rabbitmq:5672`;
  const orderDatabaseUrl = database('order_service', 'order_db');
  const processorDatabaseUrl = database('processor_service', 'processor_db');
  return {
    setup: {
      POSTGRES_ADMIN_URL: database(administrator, 'postgres', 'postgres'),
      ORDER_MIGRATION_DATABASE_URL: database('order_owner', 'order_db'),
      PROCESSOR_MIGRATION_DATABASE_URL: database('processor_owner', 'processor_db'),
      ORDER_DATABASE_URL: orderDatabaseUrl,
      PROCESSOR_DATABASE_URL: processorDatabaseUrl,
      RABBITMQ_ADMIN_URL: `http://${administrator}:${passwordOf('rabbitmq')}@rabbitmq:15672`,
      ...Object.fromEntries(brokerUserNames.map((name) => [passwordVariables[name], brokerPasswords[name]])),
      AMQP_URL: broker('topology'),
    },
    orderService: {
      ORDER_DATABASE_URL: orderDatabaseUrl,
      AMQP_URL: broker('order-service'),
      WEBHOOK_SIGNING_KEY: passwordOf('webhooks'),
    },
    processorService: {
      PROCESSOR_DATABASE_URL: processorDatabaseUrl,
      AMQP_URL: broker('processor-service'),
      OPERATOR_AMQP_URL: broker('operator'),
    },
    audit: {
      ORDER_DATABASE_URL: orderDatabaseUrl,
      PROCESSOR_DATABASE_URL: processorDatabaseUrl,
      AMQP_URL: broker('operator'),
    },
  };
}

/**
 * What a broker imports whenever it boots; it then creates no user of its own. Exchanges and queues are left to the
 * set-up: with a stream among them, a broker that has it already does not boot again
 * (https://github.com/rabbitmq/rabbitmq-server/issues/14772).
 */
function describeBroker(passwordOf: Secrets, passwords: BrokerPasswords): string {
  const { users, permissions, topic_permissions } = defineUsers({
    users: buildBrokerUsers(),
    passwords,
    virtualHost,
  });
  const everything = { configure: '.*', write: '.*', read: '.*' };
  return JSON.stringify({
    vhosts: [{ name: virtualHost }],
    users: [...users, defineUser(administrator, 'administrator', passwordOf('rabbitmq'))],
    permissions: [...permissions, { user: administrator, vhost: virtualHost, ...everything }],
    topic_permissions,
  });
}

/** As `node --env-file` and shells read it: no value has a character that would need quotes. */
function toEnvFile(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function writeFile(folder: string, path: string, content: string, mode = 0o400): void {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileAtomically(file, content);
  chmodSync(file, mode);
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) {
    console.error('usage: node scripts/compose/provide-secrets.ts FOLDER');
    process.exit(2);
  }
  provideSecrets(folder);
  console.log('every container has its secrets');
}
