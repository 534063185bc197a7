import { describe, expect, test } from '@jest/globals';
import type { Channel, ConsumeMessage } from 'amqplib';
import { createAcknowledger } from './acknowledge-in-sets.ts';

/** A channel that has delivered so many messages, and an acknowledger that expects them. */
function deliver(count: number) {
  const sent: string[] = [];
  let isOurs = true;
  const channel = {
    ack({ fields }: ConsumeMessage, allUpTo = false) {
      sent.push(`${allUpTo ? 'up to ' : ''}${fields.deliveryTag}`);
    },
    reject({ fields }: ConsumeMessage, requeue: boolean) {
      sent.push(`not ${fields.deliveryTag}${requeue ? ', again' : ''}`);
    },
  };
  const acknowledger = createAcknowledger(channel as Channel, () => isOurs);
  const messages = Array.from(
    { length: count },
    (_, index) => ({ fields: { deliveryTag: index + 1 } }) as ConsumeMessage,
  );
  messages.forEach(acknowledger.expect);
  return {
    sent,
    acknowledge: (...tags: number[]) =>
      Promise.all(tags.map((tag) => acknowledger.acknowledge(messages[tag - 1] as ConsumeMessage))),
    reject: (tag: number) => acknowledger.reject(messages[tag - 1] as ConsumeMessage),
    takeBack() {
      isOurs = false;
    },
  };
}

describe('acknowledgements', () => {
  test('of one turn are one, in whatever order the work was done', async () => {
    const { sent, acknowledge } = deliver(5);
    await acknowledge(2, 4, 1, 3);
    expect(sent).toEqual(['up to 4']);
    await acknowledge(5);
    expect(sent).toEqual(['up to 4', 'up to 5']);
  });

  test('do not wait for what was delivered before and takes longer, and never include it', async () => {
    const { sent, acknowledge } = deliver(5);
    await acknowledge(3, 4);
    expect(sent).toEqual(['3', '4']);
    await acknowledge(1, 5);
    expect(sent.slice(2)).toEqual(['up to 1', '5']);
    await acknowledge(2);
    expect(sent.slice(4)).toEqual(['up to 2']);
  });

  test('do not wait for what was rejected', async () => {
    const { sent, acknowledge, reject } = deliver(3);
    const acknowledged = acknowledge(1, 3);
    reject(2);
    await acknowledged;
    expect(sent).toEqual(['not 2', 'up to 3']);
  });

  test('are not sent for what the broker has taken back', async () => {
    const { sent, acknowledge, reject, takeBack } = deliver(3);
    const acknowledged = acknowledge(1, 2);
    takeBack();
    reject(3);
    await acknowledged;
    expect(sent).toEqual([]);
  });
});
