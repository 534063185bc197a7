import { execFile } from 'node:child_process';
import { repositoryRoot } from '#scripts/local-stack/services.ts';

export interface CommandTarget {
  readonly brokerUrl: string;
  readonly databaseUrl: string;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandResult {
  /** `undefined` when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly pid: number;
  readonly result: Promise<CommandResult>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs what `npm run dlq -- …` runs, as a process, to its end. */
export function dlqCommand(target: CommandTarget, ...args: readonly string[]): Promise<CommandResult> {
  return startDlqCommand(target, ...args).result;
}

/** The same, without waiting. */
export function startDlqCommand(target: CommandTarget, ...args: readonly string[]): RunningCommand {
  const env = {
    PATH: process.env.PATH,
    AMQP_URL: target.brokerUrl,
    PROCESSOR_DATABASE_URL: target.databaseUrl,
    NODE_NO_WARNINGS: '1',
    ...target.env,
  };
  const finished = Promise.withResolvers<CommandResult>();
  const child = execFile(
    process.execPath,
    ['processor-service/src/cli/dlq/main.ts', ...args],
    { cwd: repositoryRoot, env, maxBuffer: 64 * 1024 * 1024 },
    (error, stdout, stderr) => {
      const { code = 0, signal } = (error ?? {}) as { code?: number | null; signal?: NodeJS.Signals };
      finished.resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr });
    },
  );
  return {
    pid: child.pid as number,
    result: finished.promise,
    kill: (signal) => void child.kill(signal),
  };
}
