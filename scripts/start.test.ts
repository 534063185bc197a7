import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#tests/support/eventually.ts';
import { type ChildProcess, startChildProcess } from './local-stack/child-process.ts';
import { createPortPicker } from './local-stack/ports.ts';
import { startTimeOf } from './local-stack/process-start-time.ts';
import { findRabbitmq } from './local-stack/rabbitmq-installation.ts';
import { repositoryRoot } from './local-stack/services.ts';
import { killStack } from './local-stack/stack.ts';
import { readStackFile, type StackDescription } from './local-stack/stack-file.ts';

/** Where the tests run in containers RabbitMQ need not be installed, and a test does not install anything. */
const whereInstalled = (await findRabbitmq()) === undefined ? describe.skip : describe;

/** A machine that runs other tests beside this one takes its time. */
const bringUpMs = 120_000;

const order = {
  customerId: 'customer-1',
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1999, currency: 'EUR' } }],
};

whereInstalled('npm start', () => {
  let dir: string;
  let env: NodeJS.ProcessEnv;
  let running: ChildProcess;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'stack-'));
    const pick = createPortPicker();
    const port = async (preferred: number) => String(await pick(preferred));
    env = {
      PATH: process.env['PATH'],
      LOCAL_STACK_DIR: dir,
      ORDER_HTTP_PORT: await port(5_560),
      PROCESSOR_HTTP_PORT: await port(5_561),
      SANDBOX_HTTP_PORT: await port(5_562),
      POSTGRES_PORT: await port(5_570),
      RABBITMQ_PORT: await port(5_580),
      RABBITMQ_MANAGEMENT_PORT: await port(15_780),
    };
  });

  afterAll(async () => {
    await running?.stop();
    killStack(dir);
    rmSync(dir, { recursive: true, force: true });
  });

  const run = (script: string) =>
    startChildProcess({
      name: script,
      command: process.execPath,
      args: [join('scripts', script)],
      cwd: repositoryRoot,
      env,
      graceMs: 30_000,
    });

  async function bringUp(): Promise<StackDescription> {
    running = await run('start.ts');
    return Promise.race([
      running.exited.then(() => Promise.reject(new Error(running.recentOutput().join('\n')))),
      eventually(() => readStackFile(dir) ?? false, { withinMs: bringUpMs }),
    ]);
  }

  it(
    'takes an order all the way through',
    async () => {
      const stack = await bringUp();
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
    const second = await run(script);
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.recentOutput().at(-1)).toBe(
      `The stack already runs out of ${dir}: stop it first (Ctrl-C where it was started).`,
    );
    expect(running.isRunning()).toBe(true);
  });

  it(
    'clears away what a killed start left running, and has the data of before',
    async () => {
      const orphans = pidsOf(readStackFile(dir));
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
      rmSync(join(dir, 'stack.json'));
      const stack = await bringUp();
      expect(orphans.filter(isRunning)).toEqual([]);
      expect(await statuses(stack)).toEqual(['completed']);
    },
    bringUpMs,
  );

  it('stops everything that it started on SIGTERM', async () => {
    const started = pidsOf(readStackFile(dir));
    expect(started.filter(isRunning)).toHaveLength(5);
    await running.stop();
    expect(await running.exited).toEqual({ code: 0, signal: null });
    expect(started.filter(isRunning)).toEqual([]);
    expect(readStackFile(dir)).toBeUndefined();
  });

  it('is wiped by a reset', async () => {
    const reset = await run('reset.ts');
    expect(await reset.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(dir)).toBe(false);
  });
});

const isRunning = (pid: number) => startTimeOf(pid) !== undefined;

const pidsOf = (stack: StackDescription | undefined) => Object.values(stack?.pids ?? {});

async function statuses(stack: StackDescription): Promise<string[]> {
  const response = await fetch(`${stack.orderService}/orders?customerId=${order.customerId}`);
  const { items } = (await response.json()) as { items: { status: string }[] };
  return items.map(({ status }) => status);
}
