import { connect, type Options } from 'amqplib';

export interface ForeignMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: string | Buffer;
  readonly properties?: Options.Publish;
}

/** Publishes messages as some other program would, all at once; resolves when the broker has taken them. */
export async function publishForeign(brokerUrl: string, messages: readonly ForeignMessage[]): Promise<void> {
  const connection = await connect(brokerUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  for (const { exchange, routingKey, body, properties } of messages) {
    channel.publish(exchange, routingKey, Buffer.from(body), { persistent: true, ...properties });
  }
  await channel.waitForConfirms();
  await connection.close();
}
