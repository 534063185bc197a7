import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ConsumeMessage } from 'amqplib';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startDlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { publishForeign } from '../support/publish.ts';
import { orderCreated } from './support/messages.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const count = 10_000;
const bodyBytes = 50_000;
/** While the second half of the letters goes through, which is 250 MB, the process may grow by so much. */
const mostGrowthMegabytes = 80;

let broker: TestBroker;
let database: TestDatabase;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
});
afterAll(async () => {
  await Promise.all([broker.drop(), database.drop()]);
});

async function buryThousands(): Promise<void> {
  const padding = 'x'.repeat(bodyBytes);
  const headers = {
    'x-error-code': 'PAYMENT_UNAVAILABLE',
    'x-failed-at': '2026-11-20T10:00:00.000Z',
    'x-original-exchange': 'orders',
    'x-original-routing-key': 'order.created',
  };
  for (let buried = 0; buried < count; buried += 500) {
    const letters = Array.from({ length: 500 }, () => {
      const event = orderCreated();
      const body = JSON.stringify({ ...event, padding });
      const properties = { messageId: event.id, type: event.type, headers };
      return { exchange: '', routingKey: deadLetterQueue, body, properties };
    });
    await publishForeign(broker.url, letters);
  }
}

/** The most memory a process has had, in megabytes, as the kernel has seen it. */
async function peakMemoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Counts what comes back to the work queue, by message id. */
async function watchReturns(): Promise<Map<string, number>> {
  const returned = new Map<string, number>();
  const take = (delivered: ConsumeMessage | null): void => {
    const id = String(delivered?.properties.messageId);
    returned.set(id, (returned.get(id) ?? 0) + 1);
  };
  await broker.channel.consume(workQueue, take, { noAck: true });
  return returned;
}

test('ten thousand letters are replayed, each once, in the memory that some of them take', async () => {
  await buryThousands();
  expect(await broker.count(deadLetterQueue)).toBe(count);
  const returned = await watchReturns();
  const target = { brokerUrl: broker.urls.operator, databaseUrl: database.url };
  const command = startDlqCommand(target, 'replay', '--all', '--rate', '1000');
  const peakAt = async (letters: number): Promise<number> => {
    await eventually(() => returned.size >= letters, { withinMs: 60_000, everyMs: 5 });
    return peakMemoryOf(command.pid);
  };
  const early = await peakAt(count / 2);
  const late = await peakAt(count - 1);
  expect(await command.result).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/\n10000 replayed\n$/),
  });
  expect(late - early).toBeLessThan(mostGrowthMegabytes);
  expect([...returned.values()].filter((times) => times !== 1)).toEqual([]);
  expect(returned.size).toBe(count);
  expect(await broker.count(deadLetterQueue)).toBe(0);
}, 120_000);
