import type { Channel, ConsumeMessage } from 'amqplib';

/** Acknowledges what one channel delivers. */
export interface Acknowledger {
  /** To be called with each delivery, in the order in which they come. */
  expect(delivered: ConsumeMessage): void;
  /** Resolves once the acknowledgement is sent, or the broker has taken the message back. */
  acknowledge(delivered: ConsumeMessage): Promise<void>;
  /** Has the broker itself make a dead letter of it, at once. */
  reject(delivered: ConsumeMessage): void;
}

/**
 * Sends the acknowledgements of one turn of the event loop together: one for all that is done without a gap, since each is a
 * command that a quorum queue replicates and writes; and one for each that is done before an earlier delivery.
 *
 * @param isOurs whether the broker still waits for answers on this channel
 */
export function createAcknowledger(channel: Channel, isOurs: () => boolean): Acknowledger {
  /** What is not acknowledged, in the order of the deliveries. */
  const open = new Set<ConsumeMessage>();
  const done = new Set<ConsumeMessage>();
  let sending: Promise<void> | undefined;

  function send(): void {
    sending = undefined;
    if (!isOurs()) return;
    let last: ConsumeMessage | undefined;
    for (const delivered of open) {
      if (!done.delete(delivered)) break;
      open.delete(delivered);
      last = delivered;
    }
    if (last) channel.ack(last, true);
    for (const delivered of done) {
      open.delete(delivered);
      channel.ack(delivered);
    }
    done.clear();
  }

  return {
    expect: (delivered) => void open.add(delivered),
    acknowledge(delivered) {
      done.add(delivered);
      sending ??= new Promise<void>((resolve) => setImmediate(resolve)).then(send);
      return sending;
    },
    reject(delivered) {
      open.delete(delivered);
      if (isOurs()) channel.reject(delivered, false);
    },
  };
}
