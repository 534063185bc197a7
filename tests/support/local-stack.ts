import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildProcess, startChildProcess } from '#scripts/local-stack/child-process.ts';
import { createPortPicker } from '#scripts/local-stack/ports.ts';
import { findRabbitmq } from '#scripts/local-stack/rabbitmq-installation.ts';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { killStack } from '#scripts/local-stack/stack.ts';
import { readStackFile, type StackDescription } from '#scripts/local-stack/stack-file.ts';
import { eventually } from './eventually.ts';

/** Where the tests run in containers RabbitMQ need not be installed, and a test does not install anything. */
export const canStartLocalStack = (await findRabbitmq()) !== undefined;

/** A machine that runs other tests beside this one takes its time. */
export const bringUpMs = 120_000;

/** What `npm start` does, in a folder of its own. */
export interface LocalStack {
  readonly dir: string;
  /** The environment of whatever has to do with it. */
  readonly env: NodeJS.ProcessEnv;
  /** Starts one of the scripts for this folder. */
  run(script: string, ...args: readonly string[]): Promise<ChildProcess>;
  /** Starts `npm start` and waits until everything is up. */
  bringUp(...args: readonly string[]): Promise<StackDescription>;
  /** Where its parts are, once it is up. */
  description(): StackDescription;
  /** The `npm start` of the last time. */
  running(): ChildProcess;
  dispose(): Promise<void>;
}

/** @param firstPort of a range of fifty that nobody else uses */
export async function createLocalStack(firstPort: number): Promise<LocalStack> {
  const dir = mkdtempSync(join(tmpdir(), 'stack-'));
  const pick = createPortPicker();
  const port = async (offset: number) => String(await pick(firstPort + offset));
  const env = {
    PATH: process.env['PATH'],
    LOCAL_STACK_DIR: dir,
    ORDER_HTTP_PORT: await port(0),
    PROCESSOR_HTTP_PORT: await port(5),
    SANDBOX_HTTP_PORT: await port(10),
    ORDER_GRPC_PORT: await port(15),
    POSTGRES_PORT: await port(20),
    RABBITMQ_PORT: await port(30),
    RABBITMQ_MANAGEMENT_PORT: await port(40),
  };
  let started: ChildProcess | undefined;

  const run = (script: string, ...args: readonly string[]) =>
    startChildProcess({
      name: script,
      command: process.execPath,
      args: [join('scripts', script), ...args],
      cwd: repositoryRoot,
      env,
      graceMs: 30_000,
    });

  return {
    dir,
    env,
    run,
    async bringUp(...args) {
      const child = await run('start.ts', ...args);
      started = child;
      return Promise.race([
        child.exited.then(() => Promise.reject(new Error(child.recentOutput().join('\n')))),
        eventually(() => readStackFile(dir) ?? false, { withinMs: bringUpMs }),
      ]);
    },
    description() {
      const description = readStackFile(dir);
      if (description === undefined) throw new Error('nothing is up');
      return description;
    },
    running() {
      if (started === undefined) throw new Error('nothing was started');
      return started;
    },
    async dispose() {
      await started?.stop();
      killStack(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
