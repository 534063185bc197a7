import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { createVirtualHost, deleteVirtualHost } from '#scripts/local-stack/rabbitmq-management.ts';
import { buildTopology } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { type IncomingMessage, readMessage } from '#shared/messaging/message.ts';
import { type TestInfrastructure, testInfrastructure } from './infrastructure.ts';

/** A virtual host of a test's own with the whole topology, and a hand in it. */
export interface TestBroker {
  readonly url: string;
  readonly virtualHost: string;
  readonly retryDelaysMs: readonly number[];
  /** For whatever a test wants to do by hand; closed with the broker. */
  readonly channel: Channel;
  /** Takes everything out of a queue. */
  drain(queue: string): Promise<IncomingMessage[]>;
  count(queue: string): Promise<number>;
  drop(): Promise<void>;
}

/** A ladder that is climbed in less than a second. */
export const quickLadderMs: readonly number[] = [50, 100, 200];

export async function createTestBroker(
  options: { retryDelaysMs?: readonly number[]; infrastructure?: TestInfrastructure } = {},
): Promise<TestBroker> {
  const { retryDelaysMs = quickLadderMs, infrastructure = testInfrastructure() } = options;
  const { amqpUrl, managementUrl, username, password } = infrastructure;
  const virtualHost = `test-${randomUUID()}`;
  const access = { managementUrl, username, password, name: virtualHost };
  await createVirtualHost(access);
  const url = Object.assign(new URL(amqpUrl), { pathname: `/${virtualHost}` }).href;
  await declareTopology(url, buildTopology(retryDelaysMs));
  const connection: ChannelModel = await connect(url, { noDelay: true });
  connection.on('error', () => {
    // Dropping the virtual host closes it from the other side.
  });
  const channel = await connection.createChannel();
  return {
    url,
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
