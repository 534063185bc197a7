import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const script = fileURLToPath(new URL('reset.ts', import.meta.url));

describe('npm run reset', () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reset-'));
    for (const name of ['postgres', 'rabbitmq', 'sandbox', 'issuer', 'log', 'of-somebody-else'])
      mkdirSync(join(dir, name));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const reset = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, [script, ...args], {
      env: { PATH: process.env['PATH'], LOCAL_STACK_DIR: dir },
    });

  it('wipes what npm start keeps, and nothing else', async () => {
    await reset();
    expect(readdirSync(dir)).toEqual(['of-somebody-else']);
  });

  it.each(['--help', 'postgres'])('wipes nothing when it is told %s', async (argument) => {
    const before = readdirSync(dir);
    await expect(reset(argument)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('usage: npm run reset'),
    });
    expect(readdirSync(dir)).toEqual(before);
  });
});
