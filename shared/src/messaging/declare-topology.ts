import { connect } from 'amqplib';
import type { Topology } from '../contracts/topology.ts';

/**
 * Declares everything in `topology` that is not there yet. For the account that sets the broker up; the services
 * themselves only use what is there.
 *
 * @throws when the broker cannot be reached or has something of the same name with other arguments.
 */
export async function declareTopology(url: string, topology: Topology): Promise<void> {
  const connection = await connect(url, { timeout: 10_000 });
  connection.on('error', () => {
    // The pending call below rejects with the same reason.
  });
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {
      // Likewise.
    });
    for (const { name, type } of topology.exchanges) {
      await channel.assertExchange(name, type, { durable: true });
    }
    for (const queue of topology.queues) {
      await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
    }
    for (const { source, queue, routingKey, arguments: bindingArguments } of topology.bindings) {
      await channel.bindQueue(queue, source, routingKey, bindingArguments);
    }
  } finally {
    await connection.close();
  }
}
