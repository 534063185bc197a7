import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseConfig } from './config.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;
let running: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-process-'));
});
afterEach(async () => {
  if (running?.exitCode === null && running.signalCode === null) {
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
  rmSync(folder, { recursive: true });
});

/** Starts the real process; resolves when it listens. */
async function start(): Promise<{ url: string; log: string[]; process: ChildProcess }> {
  const child = spawn(process.execPath, [main], {
    env: { SANDBOX_HTTP_PORT: '0', SANDBOX_LEDGER_FILE: join(folder, 'ledger.jsonl') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  const log: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    log.push(line);
    const [, url] = /Server listening at (http:[^"]+)/.exec(line) ?? [];
    if (url !== undefined) return { url, log, process: child };
  }
  throw new Error(`The sandbox ended before it listened:\n${log.join('\n')}`);
}

async function kill(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<[number | null, NodeJS.Signals | null]> {
  const ended = once(child, 'exit');
  child.kill(signal);
  return (await ended) as [number | null, NodeJS.Signals | null];
}

async function charge(url: string, key: string): Promise<{ status: number; id: string }> {
  const response = await fetch(`${url}/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ reference: `order-${key}`, amountMinor: 100, currency: 'EUR' }),
  });
  const { id } = (await response.json()) as { id: string };
  return { status: response.status, id };
}

test('every charge that was answered is still there after kill -9, and none was made twice', async () => {
  const first = await start();
  const answered = new Map<string, string>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const key = `k${next++}`;
      const { status, id } = await charge(first.url, key);
      if (status === 201) answered.set(key, id);
      if (answered.size === 100) first.process.kill('SIGKILL');
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, worker));
  expect(answered.size).toBeGreaterThanOrEqual(100);

  const second = await start();
  for (const [key, id] of answered) expect(await charge(second.url, key)).toEqual({ status: 201, id });
  const response = await fetch(`${second.url}/ledger?limit=1000`);
  const { items } = (await response.json()) as { items: { key: string }[] };
  const keys = items.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toEqual(expect.arrayContaining([...answered.keys()]));
});

test('a torn last line is reported when the process starts again', async () => {
  const first = await start();
  await charge(first.url, 'k');
  await kill(first.process, 'SIGKILL');
  appendFileSync(join(folder, 'ledger.jsonl'), '{"seq":2,"kind":"capt');
  const { log } = await start();
  expect(log.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ msg: 'torn line cut off', bytes: 21, tail: '{"seq":2,"kind":"capt' }),
  );
});

test('SIGTERM ends the process cleanly', async () => {
  const { url, process: child } = await start();
  await charge(url, 'k');
  expect(await kill(child, 'SIGTERM')).toEqual([0, null]);
});

test('a wrong configuration is refused with everything that is wrong with it', () => {
  const refusal = () => parseConfig({ SANDBOX_HTTP_PORT: '70000', LOG_LEVEL: 'loud' });
  expect(refusal).toThrow('SANDBOX_HTTP_PORT');
  expect(refusal).toThrow('LOG_LEVEL');
  expect(parseConfig({})).toMatchObject({ host: '127.0.0.1', port: 3002 });
});
