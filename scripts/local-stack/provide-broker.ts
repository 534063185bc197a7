import { brokerUserNames, buildBrokerUsers } from '#shared/contracts/broker-users.ts';
import { defaultRetryDelaysMs } from '#shared/contracts/topology.ts';
import { type BrokerPasswords, provideUsers } from '#shared/messaging/provide-users.ts';
import { parseRetryDelays } from '#shared/messaging/retry-delays.ts';
import type { BrokerUrls } from './infrastructure.ts';

/**
 * Gives a broker of our own its users, with the passwords that their URLs have. On one that somebody else runs they are
 * not ours to create, and nothing happens.
 *
 * @param env what the services get: the rights go by the rungs of their ladder.
 * @throws Error with what the management API answers.
 */
export async function provideBroker(
  { rabbitmqAdminUrl: adminUrl, amqpUrls }: BrokerUrls,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  if (adminUrl === undefined) return;
  const delays = env['RETRY_DELAYS_MS'];
  const users = buildBrokerUsers(delays ? parseRetryDelays(delays) : defaultRetryDelaysMs);
  const passwords = brokerUserNames.map((name) => [name, new URL(amqpUrls[name]).password]);
  await provideUsers({
    adminUrl,
    users,
    passwords: Object.fromEntries(passwords) as BrokerPasswords,
    virtualHost: '/',
  });
}
