import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { type CpuReading, cpuBetween, readCpu } from './cpu-time.ts';

const reading = (
  processes: Record<number, [string, string, number]>,
  machineSeconds: number,
): CpuReading => ({
  processes: new Map(
    Object.entries(processes).map(([pid, [name, root, seconds]]) => [Number(pid), { name, root, seconds }]),
  ),
  machineSeconds,
});

describe('CPU time between two readings', () => {
  it('adds up what the processes of one name used', () => {
    const before = reading({ 1: ['server', 'server', 1], 2: ['worker', 'server', 2] }, 10);
    const after = reading(
      { 1: ['server', 'server', 1.5], 2: ['worker', 'server', 3], 3: ['worker', 'server', 4] },
      20,
    );
    const { byName, machineSeconds } = cpuBetween(before, after);
    expect(Object.fromEntries(byName)).toEqual({ server: 0.5, worker: 5 });
    expect(machineSeconds).toBe(10);
  });

  it('counts a process that ended under its root, and only for what it used in between', () => {
    const before = reading({ 1: ['server', 'server', 1], 2: ['worker', 'server', 2] }, 0);
    // The 2 seconds from before and 3 more have come to its parent.
    const after = reading({ 1: ['server', 'server', 6] }, 0);
    expect(Object.fromEntries(cpuBetween(before, after).byName)).toEqual({ server: 3 });
  });

  it('is read from the running system, of a whole tree of processes', async () => {
    if (process.platform !== 'linux') return;
    const child = spawn(
      'sh',
      ['-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read _'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    await once(child.stdout, 'data');
    const after = readCpu({
      roots: new Map([['shell', process.pid]]),
      named: new Map([[child.pid ?? 0, 'loop']]),
    });
    child.kill('SIGKILL');
    const loop = [...(after?.processes.values() ?? [])].find(({ name }) => name === 'loop');
    expect(loop?.root).toBe('shell');
    expect(loop?.seconds).toBeGreaterThan(0);
    expect(after?.machineSeconds).toBeGreaterThan(loop?.seconds ?? Number.POSITIVE_INFINITY);
  });
});
