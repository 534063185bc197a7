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
const dlq = (args: readonly string[], brokerUrl = broker.urls.operator) =>
  dlqCommand({ brokerUrl, databaseUrl: database.url }, ...args);

/** An answer for a person: one line, and nothing of our insides. */
const sentence = (text: string) => ({ code: 1, stdout: '', stderr: `${text}\n` });

describe('the dead-letter command', () => {
  test('lists, shows, replays and discards, also by the end of an id', async () => {
    const [first, second, third] = [await bury(publisher), await bury(publisher), await bury(publisher)];
    const list = await dlq(['list']);
    expect(list).toMatchObject({ code: 0, stderr: '' });
    const [queue, header, ...rows] = list.stdout.split('\n');
    expect(queue).toBe(deadLetterQueue);
    expect(header).toMatch(/^ID +GROUP +GIVEN UP \(UTC\) +ERROR +TYPE +ORDER +ATTEMPTS +REPLAYS$/);
    const shortIds = rows.slice(0, 3).map((row) => row.split(' ')[0]!);
    [first, second, third].forEach(({ messageId }, index) => {
      expect(shortIds[index]!.length).toBeGreaterThanOrEqual(8);
      expect(messageId.endsWith(shortIds[index]!)).toBe(true);
    });
    const orderId = JSON.parse(first.body.toString()).subject;
    expect(rows[0]).toMatch(
      new RegExp(
        `2026-11-20 10:12:36 +PAYMENT_UNAVAILABLE +order.created.v1 +${orderId} +6 +0 +the provider answered 500$`,
      ),
    );
    expect(list.stdout).toMatch(/\n3 dead letters\n$/);

    const show = await dlq(['show', shortIds[0]!]);
    expect(show).toMatchObject({ code: 0, stderr: '' });
    expect(show.stdout).toMatch(new RegExp(`^id +${first.messageId}\nqueue +${deadLetterQueue}\n`));
    expect(show.stdout).toContain('exchange "orders", routing key "order.created"');
    const body = JSON.stringify(JSON.parse(first.body.toString()), null, 2);
    expect(show.stdout).toContain(`Body\n  ${body.replaceAll('\n', '\n  ')}\n`);

    expect(await dlq(['replay', shortIds[0]!])).toMatchObject({
      code: 0,
      stdout: `replayed ${first.messageId} order.created.v1 of order ${orderId}\n`,
      stderr: '',
    });
    expect(await dlq(['discard', shortIds[1]!, '--reason', 'odd', '--queue', deadLetterQueue])).toMatchObject(
      { code: 0 },
    );
    const replayed = await broker.drain(queues.orderCreated);
    expect(replayed.map(({ messageId, replayCount }) => [messageId, replayCount])).toEqual([
      [first.messageId, 1],
    ]);
    const left = await broker.drain(deadLetterQueue);
    expect(left.map(({ messageId }) => messageId)).toEqual([third.messageId]);
  });

  test('does not guess which letter is meant', async () => {
    for (const messageId of ['a-1234abcd', 'b-1234abcd']) await bury(publisher, { message: { messageId } });
    expect(await dlq(['discard', '1234abcd', '--reason', 'odd'])).toMatchObject(
      sentence('1234abcd may be any of 2: a-1234abcd, b-1234abcd'),
    );
    expect(await broker.count(deadLetterQueue)).toBe(2);
  });

  test('filters and groups, as tables or as lines of JSON', async () => {
    const { headers } = await bury(publisher);
    const odd = await bury(publisher, {
      message: { headers: { ...headers, 'x-error-code': 'INTERNAL', 'x-error-message': 'a\u001b[2Jb' } },
    });
    const letters = await dlq(['list', '--error', 'INTERNAL', '--json']);
    const [letter, ...more] = letters.stdout.trimEnd().split('\n');
    expect(JSON.parse(letter!)).toMatchObject({ id: odd.messageId, errorCode: 'INTERNAL', attempts: 6 });
    expect(more).toEqual([]);
    const { fingerprint } = JSON.parse(letter!) as { fingerprint: string };
    // A terminal does not get to see what would command it.
    const { stdout } = await dlq(['list', '--group', fingerprint]);
    expect(stdout).toContain('a·[2Jb\n\n1 dead letter\n');

    const groups = await dlq(['groups']);
    expect(groups.stdout).toMatch(/^processor-service\.order\.created\.dlq\nGROUP +LETTERS +FIRST/);
    expect(groups.stdout).toMatch(new RegExp(`\n${fingerprint} +1 +.* INTERNAL +order.created.v1 `));
    expect(groups.stdout).toMatch(/\n2 dead letters in 2 groups\n$/);
    const lines = (await dlq(['groups', '--json', '--before', '2026-11-20T10:12Z'])).stdout;
    expect(lines).toBe('');
  });

  test('tries a replay out and changes nothing', async () => {
    const { messageId } = await bury(publisher);
    const other = await bury(publisher, { message: { body: Buffer.from('{') } });
    const { stdout } = await dlq(['replay', '--dry-run']);
    expect(stdout).toMatch(
      /^ID +TYPE +A REPLAY +SCHEMA +ORDER +SAGA\n\S+ +order.created.v1 +goes on +valid +unknown +none +none → failed \(UNKNOWN_SKU\)\n\S+ +order.created.v1 +fails again +broken +none +none +MALFORMED_MESSAGE: .*\n\n2 dead letters: 1 goes on, 1 fails again\n$/,
    );
    const lines = (await dlq(['replay', messageId, '--dry-run', '--json'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).letter.id)).toEqual([messageId]);
    expect((await broker.drain(deadLetterQueue)).map((left) => left.messageId)).toEqual([
      messageId,
      other.messageId,
    ]);
    expect(await broker.count(queues.orderCreated)).toBe(0);
  });

  test('explains each command', async () => {
    expect(await dlq(['list', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^usage: npm run dlq -- list \[filters\]\n[^]*--group <fingerprint>/),
    });
    expect(await dlq([])).toMatchObject({ code: 2, stderr: expect.stringContaining('--help') });
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
    expect(list.stdout).toMatch(
      /\n[0-9a-f]{8} +[0-9a-f]{8} +- +UNKNOWN +\(no type\) +- +0 +0 +it carries no/,
    );
    const [, id] = /\n([0-9a-f]{8}) /.exec(list.stdout)!;
    expect((await dlq(['show', id!])).code).toBe(0);
    expect((await dlq(['discard', id!, '--reason', 'rubbish'])).code).toBe(0);
    expect(await broker.drain(deadLetterQueue)).toEqual([]);
  });

  test('says in one sentence what is wrong, and fails', async () => {
    const nowhere = Object.assign(new URL(broker.url), { port: '1' }).href;
    const [unknownId, unknownQueue, noBroker, noRun, noTime, ...others] = await Promise.all([
      dlq(['replay', 'nobody']),
      dlq(['list', '--queue', 'no.such.queue']),
      dlq(['list'], nowhere),
      dlq(['resume', 'nobody']),
      dlq(['replay', '--after', 'teatime']),
      dlq(['replay', '--all', '--rate', '0']),
      dlq(['replay', 'nobody', 'nowhere']),
      dlq(['replay', 'nobody', '--dry-run']),
      dlq(['discard', 'one', 'two', '--reason', 'both']),
      dlq(['list', '--order', '']),
      dlq(['list', '--order', 'nosuch']),
      dlq(['edit', 'nobody', '--file', '/nosuch.json']),
    ]);
    const everywhere = workQueues.map(({ name }) => deadLetterQueueOf(name)).join(', ');
    expect(unknownId).toMatchObject(sentence(`no message nobody in ${everywhere}`));
    expect(unknownQueue).toMatchObject(
      sentence(`there is no dead-letter queue no.such.queue; there are ${everywhere}`),
    );
    expect(noBroker).toMatchObject(sentence('the broker cannot be reached'));
    expect(noRun).toMatchObject(sentence('there is no replay nobody'));
    expect(noTime).toMatchObject(sentence('teatime is not a time'));
    expect(others).toMatchObject(
      [
        '--rate has to be a whole number from 1 to 1000',
        'there is no dead letter nobody',
        'there is no dead letter nobody',
        'what is two to discard?',
        '--order is empty',
        'nosuch is not an id',
        '/nosuch.json cannot be read',
      ].map(sentence),
    );
    expect(await dlq(['list', '--limit', '5'])).toMatchObject({
      code: 2,
      stderr: "Unknown option '--limit'\n",
    });
    expect(await dlq(['resurrect'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^there is no command resurrect\n\nusage: /),
    });
    const misuses = [[], ['replay'], ['discard', 'without-a-reason'], ['edit', 'without-a-file'], ['stop']];
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
    expect(stderr).toBe('no queue takes what is published to "no-such-exchange" with routing key "key"\n');
    const left = await broker.drain(deadLetterQueue);
    expect(left.map((letter) => letter.messageId)).toEqual([messageId]);
  });
});
