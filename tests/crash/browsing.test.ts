import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { type PrivateServer, startPrivateBroker } from '../support/private-servers.ts';
import { publishForeign } from '../support/publish.ts';

const queue = deadLetterQueueOf(queues.orderCreated);
const count = 1_000;

let server: PrivateServer;
let broker: TestBroker;

beforeAll(async () => {
  server = await startPrivateBroker();
  broker = await createTestBroker({ infrastructure: server.infrastructure });
});
afterAll(() => server?.dispose());

/** The ids of the letters, oldest first. */
async function look(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { message } of browseQueue(broker.url, queue)) ids.push(message.messageId);
  return ids;
}

async function lookUntilKilled(after: number): Promise<void> {
  let seen = 0;
  for await (const _ of browseQueue(broker.url, queue)) {
    seen += 1;
    if (seen === after) await server.kill();
  }
}

test('a broker that dies while somebody looks has all letters when it is back', async () => {
  const ids = Array.from({ length: count }, () => newId());
  const letters = ids.map((messageId) => ({
    exchange: '',
    routingKey: queue,
    body: messageId.repeat(20),
    properties: { messageId },
  }));
  await publishForeign(broker.url, letters);
  // A node may not come up again when it is killed within the second after it was told of a queue.
  for (const oldEnough = Date.now() + 2_000; Date.now() < oldEnough; ) expect(await look()).toEqual(ids);

  await expect(lookUntilKilled(count / 2)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
  await server.restart();
  const left = await eventually(async () => {
    // The broker gives them back once it knows that the reader is gone.
    const seen = await look();
    return seen.length >= count && seen;
  });
  // What was in hand lines up behind what was not.
  const first = ids.indexOf(left[0] as string);
  expect(left).toEqual([...ids.slice(first), ...ids.slice(0, first)]);
});
