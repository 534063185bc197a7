import { type Channel, type ChannelModel, connect } from 'amqplib';
import { AppError } from '../kernel/errors.ts';
import { closeConnection } from './broker-connection.ts';

const connectTimeoutMs = 10_000;

/**
 * Connects to the broker at `url` for one piece of work; whatever happens to the connection shows in the calls that use
 * it.
 *
 * @throws AppError `BROKER_UNAVAILABLE`, also for what `work` throws and is no AppError.
 */
export async function withConnection<T>(
  url: string,
  work: (connection: ChannelModel) => Promise<T>,
): Promise<T> {
  const connection = await connectBriefly(url);
  try {
    return await work(connection);
  } catch (error) {
    throw toBrokerError(error);
  } finally {
    await closeConnection(connection);
  }
}

/** The same with a channel on it. */
export function withChannel<T>(url: string, work: (channel: Channel) => Promise<T>): Promise<T> {
  return withConnection(url, async (connection) => {
    const channel = await openChannel(connection);
    const result = await work(channel);
    await closeChannel(connection, channel);
    return result;
  });
}

/** @throws AppError `BROKER_UNAVAILABLE` */
export async function connectBriefly(url: string): Promise<ChannelModel> {
  const connection = await connect(url, { timeout: connectTimeoutMs, noDelay: true }).catch(
    (error: unknown) => {
      throw toBrokerError(error);
    },
  );
  connection.on('error', ignoreClosed);
  return connection;
}

export async function openChannel(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel();
  channel.on('error', ignoreClosed);
  return channel;
}

/**
 * Ends a channel once everything is sent that was said on it; the close of a connection would overtake that.
 *
 * @throws when the connection is lost, of which the client itself says nothing here.
 */
export async function closeChannel(connection: ChannelModel, channel: Channel): Promise<void> {
  const lost = Promise.withResolvers<never>();
  const onLost = (): void => lost.reject(new Error('the connection was lost'));
  connection.once('close', onLost);
  await Promise.race([channel.close(), lost.promise]);
  connection.off('close', onLost);
}

/** What the client throws when the connection or the channel is gone, in our words. */
export function toBrokerError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError({
    code: 'BROKER_UNAVAILABLE',
    kind: 'unavailable',
    message: 'the broker cannot be reached',
    cause: error,
  });
}

/** Whatever call is pending rejects with the same reason. */
function ignoreClosed(): void {}
