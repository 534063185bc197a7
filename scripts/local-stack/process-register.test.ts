import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, startChildProcess } from './child-process.ts';
import { openProcessRegister } from './process-register.ts';

let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'register-'));
  file = join(folder, 'processes.json');
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a process that takes a moment to stop, and writes its name into the folder when it has. */
async function startRecorded(name: string): Promise<ChildProcess> {
  const script = `trap 'sleep 0.1; echo ${name} >>ended; exit' TERM; echo ready; while :; do sleep 0.05; done`;
  const ready = Promise.withResolvers<string>();
  const child = await startChildProcess({
    name,
    command: 'sh',
    args: ['-c', script],
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    onLine: ready.resolve,
    onSpawn: openProcessRegister(file).add,
  });
  children.push(child);
  await ready.promise;
  return child;
}

describe('the process register', () => {
  it('finds and stops what somebody else recorded, the latest first', async () => {
    await startRecorded('database');
    await startRecorded('service');
    const register = openProcessRegister(file);
    expect(register.running()).toEqual(['database', 'service']);
    await register.stopAll();
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('service\ndatabase\n');
    expect(register.running()).toEqual([]);
  });

  it('stops one of them by its name, and says when there is none', async () => {
    const database = await startRecorded('database');
    await startRecorded('service');
    const register = openProcessRegister(file);
    expect(await register.stop('database')).toBe(database.pid);
    expect(register.running()).toEqual(['service']);
    await expect(register.stop('database')).rejects.toThrow('There is no database among the processes');
  });

  it('does not touch a process that only has the number of a recorded one', async () => {
    const child = await startRecorded('service');
    const [record] = JSON.parse(readFileSync(file, 'utf8')) as [Record<string, unknown>];
    writeFileSync(file, JSON.stringify([{ ...record, startedAt: '1' }]));
    const register = openProcessRegister(file);
    expect(register.running()).toEqual([]);
    await register.stopAll();
    register.killAll();
    expect(child.isRunning()).toBe(true);
  });

  it('forgets what has ended when something new is recorded', async () => {
    const first = await startRecorded('first');
    await first.stop();
    await startRecorded('second');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject([{ name: 'second' }]);
  });
});
