import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { runToCompletion, startChildProcess } from './child-process.ts';
import { startTimeOf } from './process-start-time.ts';

const env = { PATH: process.env['PATH'] };
const shell = (script: string) => ({ name: 'script', command: 'sh', args: ['-c', script], env });

/** Starts a script and resolves with the first line that it writes. */
async function startAndRead(script: string, options: { graceMs?: number; env?: NodeJS.ProcessEnv } = {}) {
  let onLine: (line: string) => void = () => undefined;
  const firstLine = new Promise<string>((resolve) => {
    onLine = resolve;
  });
  const child = await startChildProcess({ ...shell(script), ...options, onLine });
  return { child, firstLine: await firstLine };
}

describe('a child process', () => {
  it('hands over every line of both streams, the last one without a line break, too', async () => {
    const lines: string[] = [];
    await runToCompletion({
      ...shell('echo one; echo two >&2; printf three'),
      onLine: (line) => lines.push(line),
    });
    expect(lines.sort()).toEqual(['one', 'three', 'two']);
  });

  it('fails when the program does not exist', async () => {
    const run = runToCompletion({ name: 'nothing', command: '/no/such/program', args: [], env });
    await expect(run).rejects.toThrow(/no such file/i);
  });

  it('explains a failure with its exit code and its last words', async () => {
    await expect(runToCompletion(shell('echo the disk is full; exit 3'))).rejects.toThrow(
      'script exited with code 3:\nthe disk is full',
    );
  });

  it('ends with the signal that asks it to stop', async () => {
    const { child } = await startAndRead('echo ready; exec sleep 60');
    await child.stop();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('is killed when it does not stop within its grace period', async () => {
    const { child } = await startAndRead('trap "" TERM; echo ready; while :; do sleep 0.1; done', {
      graceMs: 100,
    });
    await child.stop();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('takes its own children along', async () => {
    const { child, firstLine } = await startAndRead('sleep 60 & echo $!; wait');
    const grandchild = Number(firstLine);
    expect(startTimeOf(grandchild)).toBeDefined();
    process.kill(child.pid, 'SIGKILL');
    await child.exited;
    await expect(endsSoon(grandchild)).resolves.toBe(true);
  });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('on Linux a child process', () => {
  it('is asked to stop when the one who started it is killed', async () => {
    const module = JSON.stringify(new URL('child-process.ts', import.meta.url).href);
    const program = `
      const { startChildProcess } = await import(${module});
      const child = await startChildProcess({ name: 'child', command: 'sleep', args: ['60'], env: process.env });
      console.log(child.pid);`;
    const { child: parent, firstLine } = await startAndRead(
      'exec "$NODE" --input-type=module --eval "$PROGRAM"',
      {
        env: { ...env, NODE: process.execPath, PROGRAM: program },
      },
    );
    const child = Number(firstLine);
    // Until then it is the program that arranges for the signal, and may not have done so yet.
    await expect(soon(() => programOf(child) === 'sleep')).resolves.toBe(true);
    parent.kill('SIGKILL');
    await expect(endsSoon(child)).resolves.toBe(true);
  });
});

/** Whether a process ends within a second. */
function programOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

function endsSoon(pid: number): Promise<boolean> {
  return soon(() => startTimeOf(pid) === undefined);
}

async function soon(holds: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 10_000;
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  return holds();
}
