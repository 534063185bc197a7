import { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';

/**
 * Sends what is said on a connection in one turn of the event loop together. By itself the client gives each message to the
 * socket alone: a system call here, a packet and a read there, for each of them.
 *
 * @throws Error when the client does not keep its socket where it is expected, as another version of it may not.
 */
export function writeInSets(model: Pick<ChannelModel, 'connection'>): void {
  const { stream } = model.connection as { stream?: unknown };
  if (!(stream instanceof Duplex)) throw new Error('the AMQP client has no socket where it used to have one');
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    return write(...args);
  };
}
