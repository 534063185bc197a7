import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues, workQueues } from '#shared/contracts/topology.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';

const deadLetterQueue = deadLetterQueueOf(queues.orderCreated);
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'test', logger: testLogger });
  publisher.start();
  await eventually(() => publisher.isReady());
});
beforeEach(async () => {
  for (const queue of [queues.orderCreated, deadLetterQueue]) await broker.channel.purgeQueue(queue);
});
afterAll(async () => {
  await publisher.stop();
  await Promise.all([broker.drop(), database.drop()]);
});

/** What `npm run dlq -- …` runs, as a process. */
const dlq = (args: readonly string[], brokerUrl = broker.url) =>
  dlqCommand({ brokerUrl, databaseUrl: database.url }, ...args);

/** An answer for a person: one line, and nothing of our insides. */
const sentence = (text: string) => ({ code: 1, stdout: '', stderr: `${text}\n` });

describe('the dead-letter command', () => {
  test('lists, shows, replays and discards', async () => {
    const [first, second, third] = [await bury(publisher), await bury(publisher), await bury(publisher)];
    const list = await dlq(['list']);
    expect(list).toMatchObject({ code: 0, stderr: '' });
    const positions = [first, second, third].map(({ messageId }) => list.stdout.indexOf(messageId));
    expect(positions.every((position) => position >= 0)).toBe(true);
    expect(positions.toSorted((a, b) => a - b)).toEqual(positions);
    expect(list.stdout).toMatch(
      /PAYMENT_UNAVAILABLE.*\n.*attempts 6, replays 0\n.*the provider answered 500/,
    );
    expect(list.stdout).toMatch(/3 dead letters\n$/);
    const show = await dlq(['show', first.messageId]);
    expect(show.code).toBe(0);
    expect(show.stdout).toContain('"routingKey": "order.created"');
    expect(show.stdout).toContain(JSON.stringify(JSON.parse(first.body.toString()), null, 2));

    const orderId = JSON.parse(first.body.toString()).subject;
    expect(await dlq(['replay', first.messageId])).toMatchObject({
      code: 0,
      stdout: `replayed ${first.messageId} order.created.v1 of order ${orderId}\n`,
      stderr: '',
    });
    expect(
      await dlq(['discard', second.messageId, '--reason', 'odd', '--queue', deadLetterQueue]),
    ).toMatchObject({ code: 0 });
    const replayed = await broker.drain(queues.orderCreated);
    expect(replayed.map(({ messageId, replayCount }) => [messageId, replayCount])).toEqual([
      [first.messageId, 1],
    ]);
    const left = await broker.drain(deadLetterQueue);
    expect(left.map(({ messageId }) => messageId)).toEqual([third.messageId]);
  });

  test('replays all, and says how many', async () => {
    const ids = [await bury(publisher), await bury(publisher)].map(({ messageId }) => messageId);
    const { code, stdout } = await dlq(['replay', '--all']);
    expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ code: 0, last: '2 replayed' });
    expect((await broker.drain(queues.orderCreated)).map(({ messageId }) => messageId)).toEqual(ids);
    expect(await dlq(['list'])).toMatchObject({ code: 0, stdout: 'no dead letters\n', stderr: '' });
  });

  test('copes with rubbish', async () => {
    await bury(publisher, {
      message: { messageId: '', type: '', headers: {}, body: Buffer.from([0xff, 0x00]) },
    });
    const list = await dlq(['list']);
    expect(list).toMatchObject({ code: 0, stderr: '' });
    const [id] = /sha256-[0-9a-f]+/.exec(list.stdout)!;
    expect(list.stdout).toContain('(no type)  UNKNOWN  (no time)');
    expect((await dlq(['show', id!])).code).toBe(0);
    expect((await dlq(['discard', id!, '--reason', 'rubbish'])).code).toBe(0);
    expect(await broker.drain(deadLetterQueue)).toEqual([]);
  });

  test('says in one sentence what is wrong, and fails', async () => {
    const nowhere = Object.assign(new URL(broker.url), { port: '1' }).href;
    const [unknownId, unknownQueue, noBroker, noRun, noTime] = await Promise.all([
      dlq(['replay', 'nobody']),
      dlq(['list', '--queue', 'no.such.queue']),
      dlq(['list'], nowhere),
      dlq(['resume', 'nobody']),
      dlq(['replay', '--after', 'teatime']),
    ]);
    const everywhere = workQueues.map(({ name }) => deadLetterQueueOf(name)).join(', ');
    expect(unknownId).toMatchObject(sentence(`no message nobody in ${everywhere}`));
    expect(unknownQueue).toMatchObject(
      sentence(`there is no dead-letter queue no.such.queue; there are ${everywhere}`),
    );
    expect(noBroker).toMatchObject(sentence('the broker cannot be reached'));
    expect(noRun).toMatchObject(sentence('there is no replay nobody'));
    expect(noTime).toMatchObject(sentence('teatime is not a time'));
    const misuses = [
      ['resurrect'],
      ['replay'],
      ['replay', '--all', '--rate', '0'],
      ['discard', 'without-a-reason'],
      ['edit', 'without-a-file'],
      ['stop'],
    ];
    for (const misused of await Promise.all(misuses.map((args) => dlq(args)))) {
      expect(misused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^usage: /) });
    }
  });

  test('keeps a letter whose destination is gone, and fails', async () => {
    const { messageId } = await bury(publisher, {
      message: { headers: { 'x-original-exchange': 'no-such-exchange', 'x-original-routing-key': 'key' } },
    });
    const { code, stderr } = await dlq(['replay', messageId]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^it is unknown whether message ${messageId} was taken: .*\n$`));
    const left = await broker.drain(deadLetterQueue);
    expect(left.map((letter) => letter.messageId)).toEqual([messageId]);
  });
});
