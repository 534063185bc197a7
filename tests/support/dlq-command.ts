import { execFile } from 'node:child_process';
import { repositoryRoot } from '#scripts/local-stack/services.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs what `npm run dlq -- …` runs, against this broker. */
export function dlqCommand(brokerUrl: string, ...args: readonly string[]): Promise<CommandResult> {
  const env = { AMQP_URL: brokerUrl, NODE_NO_WARNINGS: '1' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['processor-service/src/cli/main.ts', ...args],
      { cwd: repositoryRoot, env },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
      },
    );
  });
}
