import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '#tests/support/eventually.ts';
import { type ChildProcess, startChildProcess } from './child-process.ts';

const program = `
  const { onStopRequest } = await import(${JSON.stringify(new URL('stop-request.ts', import.meta.url).href)});
  onStopRequest({ first: () => console.log('first'), again: () => console.log('again') });
  process.on('SIGUSR2', () => console.log('heard'));
  setTimeout(() => process.exit(), 4_000);
  console.log('ready');`;

let child: ChildProcess | undefined;

afterEach(() => child?.kill('SIGKILL'));

/** Runs the program and gives what it has written so far. */
async function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const lines: string[] = [];
  child = await startChildProcess({
    name: 'program',
    command,
    args,
    env: { PATH: process.env['PATH'], NODE: process.execPath, PROGRAM: program, ...env },
    onLine: (line) => lines.push(line),
  });
  await eventually(() => lines.includes('ready'));
  return lines;
}

const startNode = () => start(process.execPath, ['--input-type=module', '--eval', program]);

describe('a request to stop', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is %s', async (signal) => {
    const lines = await startNode();
    child?.kill(signal);
    await eventually(() => lines.includes('first'));
  });

  it('counts once when the terminal and npm both pass it on, and again when it is repeated later', async () => {
    const lines = await startNode();
    child?.kill('SIGINT');
    await eventually(() => lines.includes('first'));
    child?.kill('SIGINT');
    child?.kill('SIGUSR2');
    await eventually(() => lines.includes('heard'));
    expect(lines).toEqual(['ready', 'first', 'heard']);
    const repeat = setInterval(() => child?.kill('SIGINT'), 600);
    await eventually(() => lines.includes('again'));
    clearInterval(repeat);
  });

  it('is the end of the npm that runs us, for a killed npm passes nothing on', async () => {
    const inItsOwnSession = 'setsid "$NODE" --input-type=module --eval "$PROGRAM" & wait';
    const lines = await start('sh', ['-c', inItsOwnSession], { npm_lifecycle_event: 'start' });
    expect(lines).toEqual(['ready']);
    child?.kill('SIGKILL');
    await eventually(() => lines.includes('first'));
  });
});
