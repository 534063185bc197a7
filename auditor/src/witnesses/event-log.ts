import type { Channel, ConsumeMessage } from 'amqplib';
import { queues } from '#shared/contracts/topology.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { closeChannel, openChannel, withConnection } from '#shared/messaging/brief-connection.ts';
import { subjectOf } from './dead-letters.ts';

const offsetHeader = 'x-stream-offset';
const prefetch = 1_000;
/** After the last chunk that was there at the beginning has begun, nothing has come for so long: this is the end. */
const quietMs = 500;
/** From the beginning nothing comes for so long: there is nothing. */
const emptyMs = 5_000;
/** Nothing comes although there is something. */
const stuckMs = 30_000;

/** A message as everybody sees it who listens. */
export interface LoggedMessage {
  readonly offset: number;
  readonly messageId: string;
  readonly type: string;
  /** The order it is about; `undefined` where it names none. */
  readonly orderId: string | undefined;
  readonly body: string;
  /** When it was made, in milliseconds since 1970, to the second; of a message that does not say, now. */
  readonly time: number;
}

/**
 * Reads the event log from the beginning, or from a time on, to where it ends now, in batches.
 *
 * @param since in milliseconds since 1970; it begins a little before
 * @throws AppError `BROKER_UNAVAILABLE`, also when `take` fails
 */
export function readEventLog(
  brokerUrl: string,
  since: number | undefined,
  take: (batch: readonly LoggedMessage[]) => Promise<void>,
): Promise<void> {
  return withConnection(brokerUrl, async (connection) => {
    const channel = await openChannel(connection);
    const last = await follow(channel, { from: 'last', prefetch: 1 }).next(emptyMs);
    if (last) {
      const reader = await openChannel(connection);
      const from = since === undefined ? 'first' : { '!': 'timestamp', value: Math.floor(since / 1_000) };
      await readUntil(follow(reader, { from, prefetch }), offsetOf(last), take);
      await closeChannel(connection, reader);
    }
    await closeChannel(connection, channel);
  });
}

/** @param end where the last chunk begins: where it ends a stream does not tell */
async function readUntil(
  messages: Follower,
  end: number,
  take: (batch: readonly LoggedMessage[]) => Promise<void>,
): Promise<void> {
  // A time behind the last message is an answer, too.
  let first = await messages.next(emptyMs);
  let isAtEnd = first === undefined;
  while (first) {
    const batch = [first, ...messages.rest()];
    await take(batch.map(toLogged));
    const last = batch.at(-1) ?? first;
    messages.ack(last);
    isAtEnd ||= offsetOf(last) >= end;
    first = await messages.next(isAtEnd ? quietMs : stuckMs);
  }
  if (!isAtEnd) throw new Error('the event log breaks off');
}

/** Takes messages from the event log one after the other. */
interface Follower {
  /** The next message; `undefined` when none comes for so long. */
  next(withinMs: number): Promise<ConsumeMessage | undefined>;
  /** What else is there already. */
  rest(): readonly ConsumeMessage[];
  /** Done with this one and all before it. */
  ack(message: ConsumeMessage): void;
}

function follow(channel: Channel, { from, prefetch }: { from: unknown; prefetch: number }): Follower {
  const waiting: ConsumeMessage[] = [];
  let arrival = new AbortController();
  const onDelivery = (delivered: ConsumeMessage | null): void => {
    if (delivered) waiting.push(delivered);
    arrival.abort('delivery');
  };
  const subscribed = channel
    .prefetch(prefetch)
    .then(() => channel.consume(queues.eventLog, onDelivery, { arguments: { [offsetHeader]: from } }));
  return {
    async next(withinMs) {
      await subscribed;
      if (waiting.length === 0) {
        arrival = new AbortController();
        await sleep(withinMs, arrival.signal);
        if (waiting.length === 0 && arrival.signal.aborted)
          throw new Error('the broker cancelled the subscription');
      }
      return waiting.shift();
    },
    rest: () => waiting.splice(0),
    ack: (message) => channel.ack(message, true),
  };
}

function offsetOf({ properties }: ConsumeMessage): number {
  return Number(properties.headers?.[offsetHeader]);
}

function toLogged(delivered: ConsumeMessage): LoggedMessage {
  const { content, properties } = delivered;
  return {
    offset: offsetOf(delivered),
    messageId: String(properties.messageId ?? ''),
    type: String(properties.type ?? ''),
    orderId: subjectOf(content),
    body: content.toString(),
    time: properties.timestamp === undefined ? Date.now() : Number(properties.timestamp) * 1_000,
  };
}
