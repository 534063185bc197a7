import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startChildProcess } from './child-process.ts';
import { claimFolder, type FolderClaim, type Holder } from './single-instance.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claim-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function claim(state: () => Holder = () => 'running'): Promise<FolderClaim> {
  const result = await claimFolder(folder, state);
  if (typeof result === 'string') throw new Error(`the folder is taken by somebody who is ${result}`);
  return result;
}

describe('claiming a folder', () => {
  it('succeeds for one only, until that one releases it', async () => {
    const first = await claim();
    expect(await claimFolder(folder, () => 'running')).toBe('running');
    await first.release();
    await (await claim()).release();
  });

  it('tells the second whether the first is about to stop', async () => {
    let state: Holder = 'running';
    const first = await claim(() => state);
    expect(await claimFolder(folder, () => 'running')).toBe('running');
    state = 'stopping';
    expect(await claimFolder(folder, () => 'running')).toBe('stopping');
    await first.release();
  });

  it('succeeds after the holder was killed', async () => {
    const module = JSON.stringify(new URL('single-instance.ts', import.meta.url).href);
    const program = `
      const { claimFolder } = await import(${module});
      await claimFolder(${JSON.stringify(folder)}, () => 'running');
      console.log('claimed');
      setInterval(() => {}, 1000);`;
    const claimed = Promise.withResolvers<string>();
    const holder = await startChildProcess({
      name: 'holder',
      command: process.execPath,
      args: ['--input-type=module', '--eval', program],
      env: {},
      onLine: claimed.resolve,
    });
    expect(await claimed.promise).toBe('claimed');
    expect(await claimFolder(folder, () => 'running')).toBe('running');
    holder.kill('SIGKILL');
    await holder.exited;
    await (await claim()).release();
  });
});
