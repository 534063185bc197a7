import { describe, expect, it } from '@jest/globals';
import { type ChildProcess, startChildProcess } from './child-process.ts';
import { keepRunning, startTogether } from './supervision.ts';

const start = (script: string): Promise<ChildProcess> =>
  startChildProcess({
    name: 'worker',
    command: 'sh',
    args: ['-c', script],
    env: { PATH: process.env['PATH'] },
  });

describe('supervision', () => {
  it('starts again what ended without being asked to, and says so', async () => {
    const log: string[] = [];
    const running = await start('exec sleep 60');
    const restarted = Promise.withResolvers<ChildProcess>();
    const supervised = keepRunning({
      running,
      restart: () => start('exec sleep 60'),
      onRestart: restarted.resolve,
      log: (line) => log.push(line),
    });
    running.kill('SIGKILL');
    const next = await restarted.promise;
    expect(next.pid).not.toBe(running.pid);
    expect(log[0]).toBe('worker was ended by SIGKILL; starting it again in 0.5 s');
    await supervised.stop();
    expect(next.isRunning()).toBe(false);
  });

  it('tries again, after a longer pause, when the restart fails', async () => {
    const log: string[] = [];
    const restarted = Promise.withResolvers<ChildProcess>();
    let attempts = 0;
    const supervised = keepRunning({
      running: await start('exit 1'),
      restart: () => {
        attempts += 1;
        return attempts === 1 ? Promise.reject(new Error('not yet')) : start('exec sleep 60');
      },
      onRestart: restarted.resolve,
      log: (line) => log.push(line),
    });
    await restarted.promise;
    await supervised.stop();
    expect(log).toContain('not yet');
    expect(log).toContain('worker ended with code 1; starting it again in 1 s');
  });

  it('leaves alone what was asked to stop', async () => {
    let restarts = 0;
    const running = await start('exec sleep 60');
    const supervised = keepRunning({
      running,
      restart: () => {
        restarts += 1;
        return start('exec sleep 60');
      },
      log: () => undefined,
    });
    await supervised.stop();
    expect(running.isRunning()).toBe(false);
    expect(restarts).toBe(0);
  });

  it('does not start anything again once the signal was given', async () => {
    const stopping = new AbortController();
    const log: string[] = [];
    const running = await start('exec sleep 60');
    const supervised = keepRunning({
      running,
      restart: () => start('exec sleep 60'),
      log: (line) => log.push(line),
      signal: stopping.signal,
    });
    stopping.abort();
    running.kill('SIGTERM');
    await running.exited;
    await supervised.stop();
    expect(log).toEqual([]);
  });
});

describe('starting several things together', () => {
  it('stops those that came up when one does not, and passes its error on', async () => {
    const running = await start('exec sleep 60');
    const together = startTogether([Promise.resolve(running), Promise.reject(new Error('no memory'))]);
    await expect(together).rejects.toThrow('no memory');
    expect(running.isRunning()).toBe(false);
  });
});
