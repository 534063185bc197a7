import { exchanges } from '#shared/contracts/topology.ts';
import { type IncomingMessage, readMessage } from '#shared/messaging/message.ts';
import type { TestBroker } from '../../support/broker.ts';

/** Everything that passes the exchange `orders` with one of the routing keys, in the order of its arrival. */
export interface Tap {
  readonly messages: readonly IncomingMessage[];
  /** From now on also what has this routing key. */
  bind(routingKey: string): Promise<void>;
}

const queue = 'tap';

export async function createTap(broker: TestBroker, routingKeys: readonly string[] = ['#']): Promise<Tap> {
  const { channel } = broker;
  const messages: IncomingMessage[] = [];
  const bind = async (routingKey: string): Promise<void> => {
    await channel.bindQueue(queue, exchanges.orders, routingKey);
  };
  await channel.assertQueue(queue, { durable: true });
  for (const routingKey of routingKeys) await bind(routingKey);
  await channel.consume(
    queue,
    (delivered) => {
      if (delivered) messages.push(readMessage(queue, delivered));
    },
    { noAck: true },
  );
  return { messages, bind };
}
