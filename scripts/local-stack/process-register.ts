import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { writeFileAtomically } from './atomic-write.ts';
import { type SpawnedProcess, signalGroup } from './child-process.ts';
import { startTimeOf } from './process-start-time.ts';
import { StackError } from './stack-error.ts';

interface ProcessRecord extends SpawnedProcess {
  /** When it was started, in the system's own notation: tells it from a later process with the same number. */
  readonly startedAt: string;
}

/**
 * Every process that a stack started, kept in a file, so that they are still found when the one that started them was
 * killed and could not stop them.
 */
export interface ProcessRegister {
  add(child: SpawnedProcess): void;
  /** Names of the recorded processes that still run. */
  running(): string[];
  /**
   * Stops one of them and gives its process id; whoever keeps it running starts it again.
   *
   * @throws StackError when none of that name runs.
   */
  stop(name: string): Promise<number>;
  /** Stops what still runs, the latest first, and forgets it. */
  stopAll(): Promise<void>;
  /** Ends what still runs at once. */
  killAll(): void;
}

const graceMs = 15_000;
const pollMs = 50;

export function openProcessRegister(file: string): ProcessRegister {
  const living = () => readRecords(file).filter(isRunning);
  return {
    add: ({ name, pid, stopSignal }) => {
      const startedAt = startTimeOf(pid);
      if (startedAt === undefined) return;
      const records = [...living(), { name, pid, stopSignal, startedAt }];
      writeFileAtomically(file, `${JSON.stringify(records, null, 2)}\n`);
    },
    running: () => living().map((record) => record.name),
    stop: async (name) => {
      const record = living().findLast((each) => each.name === name);
      if (record === undefined) throw new StackError(`There is no ${name} among the processes of the stack.`);
      await stop(record);
      return record.pid;
    },
    stopAll: async () => {
      for (const record of living().reverse()) await stop(record);
      rmSync(file, { force: true });
    },
    killAll: () => {
      for (const record of living()) signalGroup(record.pid, 'SIGKILL');
    },
  };
}

async function stop(record: ProcessRecord): Promise<void> {
  if (isRunning(record)) process.kill(record.pid, record.stopSignal);
  const deadline = Date.now() + graceMs;
  while (isRunning(record)) {
    if (Date.now() > deadline) signalGroup(record.pid, 'SIGKILL');
    await delay(pollMs);
  }
}

function isRunning(record: ProcessRecord): boolean {
  return startTimeOf(record.pid) === record.startedAt;
}

function readRecords(file: string): ProcessRecord[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord[];
  } catch {
    return [];
  }
}
