import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import { type IncomingMessage, publishOptions } from '#shared/messaging/message.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { outgoing } from './support/messages.ts';
import { createNetworkLink } from './support/network-link.ts';

const queue = deadLetterQueueOf(queues.orderCreated);
let broker: TestBroker;

beforeAll(async () => {
  broker = await createTestBroker();
});
beforeEach(async () => {
  await broker.channel.purgeQueue(queue);
});
afterAll(() => broker.drop());

/** Letters that differ in everything a reader could mix up: what is to be found again, byte by byte. */
async function fill(count: number): Promise<readonly string[]> {
  const letters = Array.from({ length: count }, (_, index) =>
    outgoing({
      exchange: '',
      routingKey: queue,
      headers: { 'x-number': index },
      body: Buffer.from(`{"number":${index},"padding":"${'ä'.repeat(index % 50)}"}`),
    }),
  );
  for (const letter of letters) broker.channel.sendToQueue(queue, letter.body, publishOptions(letter));
  await eventually(async () => (await broker.count(queue)) === count);
  return letters.map(({ messageId, headers, body }) => asText({ messageId, headers: headers ?? {}, body }));
}

function asText({
  messageId,
  headers,
  body,
}: Pick<IncomingMessage, 'messageId' | 'headers' | 'body'>): string {
  return [messageId, headers['x-number'], body.toString('hex')].join(' ');
}

async function look(url = broker.url): Promise<string[]> {
  const seen: string[] = [];
  for await (const { message } of browseQueue(url, queue)) seen.push(asText(message));
  return seen;
}

const drain = async (): Promise<string[]> => (await broker.drain(queue)).map(asText);

// More than a window, and more than a broker keeps in order by chance.
const many = 350;

describe('looking at what lies in a queue', () => {
  test('a hundred times loses nothing and changes no order', async () => {
    const letters = await fill(many);
    for (let round = 0; round < 100; round += 1) expect(await look()).toEqual(letters);
    expect(await drain()).toEqual(letters);
  });

  test.each([1, 40, 100, 101, 349])('and breaking off after %i neither', async (stopAfter) => {
    const letters = await fill(many);
    // From now on, what goes back lines up behind what went back before.
    await look();
    for (let round = 0; round < 3; round += 1) {
      let seen = 0;
      for await (const { message } of browseQueue(broker.url, queue, { expected: stopAfter })) {
        expect(asText(message)).toBe(letters[seen]);
        seen += 1;
        if (seen === stopAfter) break;
      }
    }
    expect(await drain()).toEqual(letters);
  });

  test('and failing in the middle neither', async () => {
    const letters = await fill(many);
    await look();
    const failing = async (): Promise<void> => {
      for await (const _ of browseQueue(broker.url, queue)) throw new Error('seen enough');
    };
    await expect(failing()).rejects.toThrow('seen enough');
    expect(await drain()).toEqual(letters);
  });

  test('and being cut off neither: who had seen everything leaves it in its order', async () => {
    const letters = await fill(many);
    const link = await createNetworkLink(broker.url);
    const cutOff = async (): Promise<void> => {
      let seen = 0;
      for await (const _ of browseQueue(link.url, queue)) {
        seen += 1;
        if (seen === many) link.cut();
      }
    };
    await expect(cutOff()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await eventually(async () => (await broker.count(queue)) === many);
    expect(await drain()).toEqual(letters);
    await link.dispose();
  });

  test('ends also when somebody else takes the rest', async () => {
    const letters = await fill(many);
    const seen: string[] = [];
    let taken: string[] = [];
    for await (const { message } of browseQueue(broker.url, queue)) {
      if (seen.length === 0) taken = await drain();
      seen.push(asText(message));
    }
    expect(taken.length).toBeGreaterThan(0);
    expect([...seen, ...taken]).toEqual(letters);
    expect(await drain()).toEqual(seen);
  });

  test('does not see what comes meanwhile, and leaves it at the end', async () => {
    const letters = await fill(many);
    const late = outgoing({ headers: { 'x-number': many } });
    const seen: string[] = [];
    for await (const { message } of browseQueue(broker.url, queue)) {
      if (seen.length === 0) {
        broker.channel.sendToQueue(queue, late.body, publishOptions(late));
        await eventually(async () => (await broker.count(queue)) > 0);
      }
      seen.push(asText(message));
    }
    expect(seen).toEqual(letters);
    const lateText = asText({ ...late, headers: late.headers ?? {} });
    expect(await look()).toEqual([...letters, lateText]);
  });

  test('finds nothing in an empty queue, and no queue where there is none', async () => {
    expect(await look()).toEqual([]);
    const nowhere = async (): Promise<void> => {
      for await (const _ of browseQueue(broker.url, 'no.such.queue'));
    };
    await expect(nowhere()).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
  });
});

describe('removing while looking', () => {
  test.each([
    ['every third one', (index: number) => index % 3 === 0],
    ['all but the last one', (index: number) => index !== many - 1],
    ['all but the first one', (index: number) => index !== 0],
    ['all', () => true],
    ['only the last one', (index: number) => index === many - 1],
  ])('takes away exactly what was meant: %s', async (_, isMeant) => {
    const letters = await fill(many);
    let index = 0;
    for await (const letter of browseQueue(broker.url, queue)) {
      if (isMeant(index)) letter.remove();
      index += 1;
    }
    const left = letters.filter((__, position) => !isMeant(position));
    expect(await look()).toEqual(left);
    expect(await drain()).toEqual(left);
  });

  test('batch by batch from the head leaves the rest as it was', async () => {
    const letters = await fill(many);
    await look();
    for (let begin = 0; begin < 300; begin += 50) {
      let seen = 0;
      for await (const letter of browseQueue(broker.url, queue, { expected: 50 })) {
        expect(asText(letter.message)).toBe(letters[begin + seen]);
        letter.remove();
        seen += 1;
        if (seen === 50) break;
      }
    }
    expect(await drain()).toEqual(letters.slice(300));
  });
});
