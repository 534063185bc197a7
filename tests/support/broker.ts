import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { createVirtualHost, deleteVirtualHost } from '#scripts/local-stack/rabbitmq-management.ts';
import { type BrokerUserName, brokerUserNames, buildBrokerUsers } from '#shared/contracts/broker-users.ts';
import { buildTopology } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { type IncomingMessage, readMessage } from '#shared/messaging/message.ts';
import { provideUsers } from '#shared/messaging/provide-users.ts';
import { type TestInfrastructure, testInfrastructure } from './infrastructure.ts';

/** A virtual host of a test's own with the whole topology, and a hand in it. */
export interface TestBroker {
  /** As its administrator, for the test's own hands. */
  readonly url: string;
  /** As those who work with it in earnest. */
  readonly urls: Readonly<Record<BrokerUserName, string>>;
  readonly virtualHost: string;
  readonly retryDelaysMs: readonly number[];
  /** For whatever a test wants to do by hand; closed with the broker. */
  readonly channel: Channel;
  /** Takes everything out of a queue. */
  drain(queue: string): Promise<IncomingMessage[]>;
  count(queue: string): Promise<number>;
  drop(): Promise<void>;
}

/** Of every user; these brokers live as long as the tests and are reached on this machine only. */
const testPassword = 'test';

/** A ladder that is climbed in less than a second. */
const quickLadderMs: readonly number[] = [50, 100, 200];

export async function createTestBroker(
  options: { retryDelaysMs?: readonly number[]; infrastructure?: TestInfrastructure } = {},
): Promise<TestBroker> {
  const { retryDelaysMs = quickLadderMs, infrastructure = testInfrastructure() } = options;
  const { managementUrl, username, password } = infrastructure;
  const virtualHost = `test-${randomUUID()}`;
  const access = { managementUrl, username, password, name: virtualHost };
  await createVirtualHost(access);
  const url = Object.assign(new URL(infrastructure.amqpUrl), { pathname: `/${virtualHost}` }).href;
  await provideUsers({
    adminUrl: adminUrlOf(infrastructure),
    users: buildBrokerUsers(retryDelaysMs),
    passwords: forEachUser(() => testPassword),
    virtualHost,
  });
  const urls = forEachUser(
    (user) => Object.assign(new URL(url), { username: user, password: testPassword }).href,
  );
  await declareTopology(urls.topology, buildTopology(retryDelaysMs));
  const connection: ChannelModel = await connect(url, { noDelay: true });
  connection.on('error', () => {
    // Dropping the virtual host closes it from the other side.
  });
  const channel = await connection.createChannel();
  return {
    url,
    urls,
    virtualHost,
    retryDelaysMs,
    channel,
    async drain(queue) {
      const messages: IncomingMessage[] = [];
      for (;;) {
        const delivered = await channel.get(queue, { noAck: true });
        if (!delivered) return messages;
        messages.push(readMessage(queue, delivered));
      }
    },
    count: async (queue) => (await channel.checkQueue(queue)).messageCount,
    async drop() {
      await connection.close().catch(() => undefined);
      await deleteVirtualHost(access);
    },
  };
}

/** The management API with the administrator's name and password. */
export function adminUrlOf({ managementUrl, username, password }: TestInfrastructure): string {
  return Object.assign(new URL(managementUrl), { username, password }).href;
}

function forEachUser(valueOf: (user: BrokerUserName) => string): Readonly<Record<BrokerUserName, string>> {
  const entries = brokerUserNames.map((user) => [user, valueOf(user)]);
  return Object.fromEntries(entries) as Record<BrokerUserName, string>;
}
