import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#tests/support/eventually.ts';
import {
  bringUpMs,
  canStartLocalStack,
  createLocalStack,
  type LocalStack,
} from '#tests/support/local-stack.ts';
import { startTimeOf } from './local-stack/process-start-time.ts';
import { readStackFile, type StackDescription } from './local-stack/stack-file.ts';

const whereInstalled = canStartLocalStack ? describe : describe.skip;

const order = {
  customerId: 'customer-1',
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1999, currency: 'EUR' } }],
};

whereInstalled('npm start', () => {
  let local: LocalStack;

  beforeAll(async () => {
    local = await createLocalStack(5_560);
  });
  afterAll(() => local.dispose());

  it(
    'takes an order all the way through',
    async () => {
      const stack = await local.bringUp();
      const response = await fetch(`${stack.orderService}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order),
      });
      expect(response.status).toBe(201);
      await eventually(async () => (await statuses(stack)).includes('completed'));
    },
    bringUpMs,
  );

  it.each(['start.ts', 'reset.ts'])('refuses a second %s meanwhile, in one sentence', async (script) => {
    const second = await local.run(script);
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.recentOutput().at(-1)).toBe(
      `The stack already runs out of ${local.dir}: stop it first (Ctrl-C where it was started).`,
    );
    expect(local.running().isRunning()).toBe(true);
  });

  it(
    'clears away what a killed start left running, and has the data of before',
    async () => {
      const orphans = pidsOf(readStackFile(local.dir));
      process.kill(local.running().pid, 'SIGKILL');
      await local.running().exited;
      rmSync(join(local.dir, 'stack.json'));
      const stack = await local.bringUp();
      expect(orphans.filter(isRunning)).toEqual([]);
      expect(await statuses(stack)).toEqual(['completed']);
    },
    bringUpMs,
  );

  it('stops everything that it started on SIGTERM', async () => {
    const started = pidsOf(readStackFile(local.dir));
    expect(started.filter(isRunning)).toHaveLength(5);
    await local.running().stop();
    expect(await local.running().exited).toEqual({ code: 0, signal: null });
    expect(started.filter(isRunning)).toEqual([]);
    expect(readStackFile(local.dir)).toBeUndefined();
  });

  it('is wiped by a reset', async () => {
    const reset = await local.run('reset.ts');
    expect(await reset.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(local.dir)).toBe(false);
  });
});

const isRunning = (pid: number) => startTimeOf(pid) !== undefined;

const pidsOf = (stack: StackDescription | undefined) => Object.values(stack?.pids ?? {});

async function statuses(stack: StackDescription): Promise<string[]> {
  const response = await fetch(`${stack.orderService}/orders?customerId=${order.customerId}`);
  const { items } = (await response.json()) as { items: { status: string }[] };
  return items.map(({ status }) => status);
}
