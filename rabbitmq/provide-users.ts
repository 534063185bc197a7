/**
 * Gives the broker whose management API is at RABBITMQ_ADMIN_URL its users, with the passwords in the environment:
 * `node rabbitmq/provide-users.ts`. Repeating it changes nothing but passwords. `guest` goes.
 */
import { type BrokerUserName, brokerUserNames, buildBrokerUsers } from '#shared/contracts/broker-users.ts';
import { defaultRetryDelaysMs } from '#shared/contracts/topology.ts';
import { type BrokerPasswords, provideUsers } from '#shared/messaging/provide-users.ts';
import { parseRetryDelays } from '#shared/messaging/retry-delays.ts';

/** The variables with the users' passwords. */
export const passwordVariables: Readonly<Record<BrokerUserName, string>> = {
  'order-service': 'ORDER_AMQP_PASSWORD',
  'processor-service': 'PROCESSOR_AMQP_PASSWORD',
  operator: 'OPERATOR_AMQP_PASSWORD',
  topology: 'TOPOLOGY_AMQP_PASSWORD',
};

/** @throws Error naming everything that is missing. */
export function readUserSettings(env: NodeJS.ProcessEnv) {
  const given = new Map<string, string>();
  const missing: string[] = [];
  for (const variable of ['RABBITMQ_ADMIN_URL', ...Object.values(passwordVariables)]) {
    const value = env[variable];
    if (value) given.set(variable, value);
    else missing.push(variable);
  }
  const delays = env['RETRY_DELAYS_MS'];
  if (missing.length > 0) throw new Error(`not set: ${missing.join(', ')}`);
  const passwords = brokerUserNames.map((name) => [name, given.get(passwordVariables[name])]);
  return {
    adminUrl: given.get('RABBITMQ_ADMIN_URL') as string,
    passwords: Object.fromEntries(passwords) as BrokerPasswords,
    users: buildBrokerUsers(delays ? parseRetryDelays(delays) : defaultRetryDelaysMs),
  };
}

if (import.meta.main) {
  try {
    await provideUsers({ ...readUserSettings(process.env), virtualHost: '/' });
    console.log(`the broker has its users: ${brokerUserNames.join(', ')}`);
  } catch (error) {
    console.error(
      `cannot provide the broker's users: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exit(1);
  }
}
