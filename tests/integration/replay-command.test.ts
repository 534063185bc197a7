import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { dlqCommand, startDlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { orderCreated, outgoing } from './support/messages.ts';
import { startConsumer } from './support/running-consumer.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const user = userInfo().username;
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
let consumer: { stop(): Promise<void> } | undefined;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'test', logger: testLogger });
  publisher.start();
  await eventually(() => publisher.isReady());
});
beforeEach(async () => {
  for (const queue of [workQueue, deadLetterQueue]) await broker.channel.purgeQueue(queue);
});
afterEach(async () => {
  await consumer?.stop();
  consumer = undefined;
});
afterAll(async () => {
  await publisher.stop();
  await Promise.all([broker.drop(), database.drop()]);
});

const target = () => ({ brokerUrl: broker.urls.operator, databaseUrl: database.url });
const dlq = (...args: string[]) => dlqCommand(target(), ...args);

async function burySome(count: number): Promise<string[]> {
  const buried = Array.from({ length: count }, () => bury(publisher));
  return (await Promise.all(buried)).map(({ messageId }) => messageId);
}

async function waitingIn(queue: string): Promise<string[]> {
  return (await broker.drain(queue)).map(({ messageId }) => messageId);
}

describe('replaying many on the command line', () => {
  test('tells how far it is, and who did it', async () => {
    const ids = await burySome(4);
    const { code, stdout } = await dlq('replay', ...ids.slice(0, 3), '--rate', '1000', '--operator', 'alice');
    expect(code).toBe(0);
    const [first, ...more] = stdout.trimEnd().split('\n');
    const runId = /^replay (\S+), 1000 letters a second at most$/.exec(first!)![1]!;
    expect(more).toEqual([
      expect.stringMatching(/^ {2}1 replayed, [\d.]+\/s, the last 1 at once$/),
      expect.stringMatching(/^ {2}3 replayed, [\d.]+\/s, the last 2 at once$/),
      '3 replayed',
    ]);
    expect(
      (await broker.drain(workQueue)).map(({ messageId, headers }) => [messageId, headers['x-replayed-by']]),
    ).toEqual(ids.slice(0, 3).map((id) => [id, 'alice']));
    expect(await waitingIn(deadLetterQueue)).toEqual(ids.slice(3));
    expect((await dlq('runs')).stdout).toContain(`${runId}  finished  3 replayed  by alice`);
    const actions = (await dlq('actions', '--run', runId)).stdout;
    for (const id of ids.slice(0, 3)) expect(actions).toContain(`message ${id} in ${deadLetterQueue}`);
    expect(actions).toMatch(/3 actions\n$/);
  });

  test('fails with the reason when they die of the same again', async () => {
    const handler = {
      handle: async () => {
        throw new AppError({ code: 'PAYMENT_PROTOCOL_ERROR', kind: 'permanent', message: 'it fails' });
      },
    };
    consumer = await startConsumer({ broker, handler });
    for (let index = 0; index < 10; index += 1) {
      const event = orderCreated();
      await publisher.publish(outgoing({ messageId: event.id, body: Buffer.from(JSON.stringify(event)) }));
    }
    await eventually(async () => (await broker.count(deadLetterQueue)) === 10);
    const { code, stdout, stderr } = await dlq('replay', '--error', 'PAYMENT_PROTOCOL_ERROR');
    expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ code: 1, last: '1 replayed' });
    expect(stderr).toMatch(
      /^halted: \S+ came back .*PAYMENT_PROTOCOL_ERROR, it fails\ngo on with: npm run dlq -- resume /,
    );
    expect(await broker.count(deadLetterQueue)).toBe(10);
  });

  test('goes on with what Ctrl-C interrupted', async () => {
    const ids = await burySome(6);
    const interrupted = startDlqCommand(target(), 'replay', '--all', '--rate', '2');
    await eventually(async () => (await broker.count(workQueue)) > 0);
    interrupted.kill('SIGINT');
    const { code, stderr } = await interrupted.result;
    expect(code).toBe(1);
    const runId = /^interrupted\ngo on with: npm run dlq -- resume (\S+)\n$/.exec(stderr)![1]!;
    expect((await dlq('runs')).stdout).toContain(`${runId}  interrupted`);
    // A third one would wait for the rate.
    await database.pool.query('UPDATE replay_runs SET rate_per_second = 1000 WHERE id = $1', [runId]);
    expect(await dlq('resume', runId)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\n6 replayed\n$/),
    });
    expect(await waitingIn(workQueue)).toEqual(ids);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
  });

  test('stops what another terminal started', async () => {
    await burySome(12);
    const running = startDlqCommand(target(), 'replay', '--all', '--rate', '2');
    await eventually(async () => (await broker.count(workQueue)) > 0);
    const runId = /(\S+) {2}running/.exec((await dlq('runs')).stdout)![1]!;
    expect((await dlq('stop', runId)).code).toBe(0);
    expect(await running.result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`^stopped: stopped by ${user}\n`),
    });
    expect(await broker.count(deadLetterQueue)).toBeGreaterThan(0);
  });
});

describe('editing on the command line', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edit-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('sends the file instead, and says under which id', async () => {
    const { messageId, body } = await bury(publisher);
    const file = join(folder, 'body.json');
    const content = JSON.parse(body.toString());
    content.data.items[0].quantity = 3;
    await writeFile(file, JSON.stringify(content, null, 2));
    const { code, stdout } = await dlq('edit', messageId, '--file', file);
    const [sent] = await broker.drain(workQueue);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `edited ${messageId} order.created.v1 of order ${content.subject}, sent as ${sent!.messageId}\n`,
    });
    expect(JSON.parse(sent!.body.toString())).toEqual({ ...content, id: sent!.messageId });
    expect((await dlq('actions', '--message', messageId)).stdout).toContain(`sent as ${sent!.messageId}`);
  });

  test('says what is wrong with the file, and leaves the letter', async () => {
    const { messageId } = await bury(publisher);
    const file = join(folder, 'broken.json');
    await writeFile(file, '{"type": "order.created.v1"}');
    const { code, stderr } = await dlq('edit', messageId, '--file', file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('order.created.v1: ✖') });
    expect(await waitingIn(deadLetterQueue)).toEqual([messageId]);
  });
});
