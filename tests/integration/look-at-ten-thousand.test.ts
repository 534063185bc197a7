import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { publishForeign } from '../support/publish.ts';
import { orderCreated } from './support/messages.ts';

const deadLetterQueue = deadLetterQueueOf(queues.orderCreated);
const count = 10_000;
const bodyBytes = 10_000;

const memoryWitness = new URL('../support/live-memory.ts', import.meta.url).href;

let dir: string;
let broker: TestBroker;
let database: TestDatabase;
let ids: string[];
/** What the command takes when there is nothing to look at. */
let idleMegabytes: number;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  dir = await mkdtemp(join(tmpdir(), 'dead-letters-'));
  idleMegabytes = (await run('list', '--json')).megabytes;
  ids = await buryThousands();
});
afterAll(async () => {
  await Promise.all([broker.drop(), database.drop(), rm(dir, { recursive: true })]);
});

async function buryThousands(): Promise<string[]> {
  const buried: string[] = [];
  const padding = 'x'.repeat(bodyBytes);
  while (buried.length < count) {
    const letters = Array.from({ length: 500 }, (_, index) => {
      const event = orderCreated();
      buried.push(event.id);
      const headers = {
        'x-error-code': `CODE_${index % 5}`,
        'x-original-exchange': 'orders',
        'x-original-routing-key': 'order.created',
      };
      const properties = { messageId: event.id, type: event.type, headers };
      const body = JSON.stringify({ ...event, padding });
      return { exchange: '', routingKey: deadLetterQueue, body, properties };
    });
    await publishForeign(broker.url, letters);
  }
  return buried;
}

/** Runs the command, and tells the most memory that was alive in it. */
async function run(...args: string[]): Promise<{ lines: string[]; megabytes: number }> {
  const memoryFile = join(dir, 'memory');
  const target = {
    brokerUrl: broker.urls.operator,
    databaseUrl: database.url,
    env: { NODE_OPTIONS: `--expose-gc --import ${memoryWitness}`, LIVE_MEMORY_FILE: memoryFile },
  };
  const { code, stdout, stderr } = await dlqCommand(target, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { lines: stdout.trimEnd().split('\n'), megabytes: Number(await readFile(memoryFile, 'utf8')) };
}

const idOf = (line: string): string => {
  const { id, letter } = JSON.parse(line) as { id: string; letter?: { id: string } };
  return letter?.id ?? id;
};

describe('ten thousand dead letters, 100 MB in all', () => {
  test.each([['list'], ['replay --dry-run']])('are gone through in a third of that: %s', async (command) => {
    const { lines, megabytes } = await run(...command.split(' '), '--json');
    expect(lines.map(idOf)).toEqual(ids);
    expect(megabytes - idleMegabytes).toBeLessThan(33);
  });

  test('are grouped in a third of that', async () => {
    const { lines, megabytes } = await run('groups', '--json');
    const counts = lines.map((line) => (JSON.parse(line) as { count: number }).count);
    expect(counts).toEqual(Array(5).fill(count / 5));
    expect(megabytes - idleMegabytes).toBeLessThan(33);
  });

  test('are all still there, in their order', async () => {
    const { lines } = await run('list', '--json');
    expect(lines.map(idOf)).toEqual(ids);
    expect(await broker.count(deadLetterQueue)).toBe(count);
  });
});
