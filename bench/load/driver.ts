import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DriverMessage, LoadJob, LoadResult } from './protocol.ts';

/** The load driver, seen from the process that measures. */
export interface LoadDriver {
  readonly pid: number;
  /** Does one job. @throws when the driver ends before the job does. */
  run(job: LoadJob, onProgress?: (accepted: number) => void): Promise<LoadResult>;
  stop(): void;
}

export function startDriver(): LoadDriver {
  const child = fork(fileURLToPath(new URL('./main.ts', import.meta.url)), { serialization: 'advanced' });
  if (child.pid === undefined) throw new Error('the load driver could not be started');
  return {
    pid: child.pid,
    run: (job, onProgress) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          child.off('message', onMessage);
          child.off('exit', onExit);
          act();
        };
        const onMessage = (message: DriverMessage): void => {
          if (message.kind === 'progress') onProgress?.(message.accepted);
          else if (message.kind === 'done') settle(() => resolve(message.result));
          else settle(() => reject(new Error(`the load driver failed: ${message.reason}`)));
        };
        const onExit = (): void => settle(() => reject(new Error('the load driver ended')));
        child.on('message', onMessage);
        child.on('exit', onExit);
        child.send(job);
      }),
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}
