import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { NamedLocks } from '#shared/postgres/advisory-lock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { locksOf } from './support/dead-letters.ts';

let database: TestDatabase;
let locks: NamedLocks;
/** Those of another process. */
let others: NamedLocks;

beforeAll(async () => {
  database = await createTestDatabase('processor');
  [locks, others] = [locksOf(database.url), locksOf(database.url)];
});
afterAll(() => database.drop());

test('one at a time has a lock, and the next one waits for its turn', async () => {
  const release = await locks.acquire('a', { waitMs: 1_000 });
  let isSecond = false;
  const second = others.acquire('a', { waitMs: 10_000 }).then((turn) => {
    isSecond = true;
    return turn;
  });
  // Another name is another lock.
  await (await others.acquire('b', { waitMs: 1_000 }))?.();
  expect(isSecond).toBe(false);
  await release?.();
  expect(await second).toBeDefined();
  await (await second)?.();
});

test('whoever waits too long goes without', async () => {
  const release = await locks.acquire('a', { waitMs: 1_000 });
  expect(await others.acquire('a', { waitMs: 100 })).toBeUndefined();
  await release?.();
  await (await others.acquire('a', { waitMs: 100 }))?.();
});

test('a lock ends with the session that held it', async () => {
  const release = await locks.acquire('a', { waitMs: 1_000 });
  await database.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()",
  );
  await eventually(async () => {
    const turn = await others.acquire('a', { waitMs: 100 });
    await turn?.();
    return turn !== undefined;
  });
  await release?.();
});

test('a lock ends when the process that held it is frozen, and not when it takes its time', async () => {
  const script = fileURLToPath(new URL('support/hold-lock.ts', import.meta.url));
  const holder = spawn(process.execPath, [script, database.url], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [answer] = (await once(holder.stdout, 'data')) as [Buffer];
    expect(answer.toString()).toBe('mine\n');
    expect(await others.acquire('a', { waitMs: 12_000 })).toBeUndefined();
    holder.kill('SIGSTOP');
    const turn = await others.acquire('a', { waitMs: 20_000 });
    expect(turn).toBeDefined();
    await turn?.();
  } finally {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
});

test('without a database there is no lock', async () => {
  const nowhere = Object.assign(new URL(database.url), { port: '1' }).href;
  await expect(locksOf(nowhere).acquire('a', { waitMs: 100 })).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
  });
});
