import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { sleep } from './sleep.ts';

test('an aborted signal ends the wait', async () => {
  const stopping = new AbortController();
  const waiting = sleep(3_600_000, stopping.signal);
  stopping.abort();
  await expect(waiting).resolves.toBeUndefined();
  await expect(sleep(3_600_000, stopping.signal)).resolves.toBeUndefined();
});

test('waiting until a time that is over makes Node complain of nothing', async () => {
  const module = JSON.stringify(new URL('sleep.ts', import.meta.url).href);
  const program = `const { sleep } = await import(${module}); await sleep(-1_000); console.log('awake');`;
  const run = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  expect(run).toEqual({ stdout: 'awake\n', stderr: '' });
});
