import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from './stack-error.ts';

/** How a process ended. One of the two is always null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Anything that runs beside us and can be stopped: a single process, or a server that needs several. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process is gone, however that came about. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Asks it to end, insists after its grace period, and resolves when it is gone. */
  stop(): Promise<void>;
  /** Sends a signal to the process and its children without waiting. */
  kill(signal: NodeJS.Signals): void;
}

export interface ChildProcess extends RunningProcess {
  isRunning(): boolean;
  /** The last lines it wrote to stdout or stderr, oldest first: what a failure is explained with. */
  recentOutput(): readonly string[];
}

export interface ChildProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; nothing is inherited beside it. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string | undefined;
  /** Another user and other capabilities than our own, as options of setpriv(1). Only root can give these. */
  readonly privileges?: readonly string[] | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  /** Called as soon as there is a process id, so that it can be recorded before anything else happens. */
  readonly onSpawn?: ((child: SpawnedProcess) => void) | undefined;
  readonly stopSignal?: NodeJS.Signals;
  /** Time between the stop signal and SIGKILL, in milliseconds. */
  readonly graceMs?: number;
}

export interface SpawnedProcess {
  readonly name: string;
  readonly pid: number;
  readonly stopSignal: NodeJS.Signals;
}

const setpriv = '/usr/bin/setpriv';
const recentLines = 20;
/** A grandchild that keeps the pipes open must not hide that its parent is gone. */
const drainMs = 250;

/**
 * Starts a child in a process group and session of its own: Ctrl-C and a closing terminal reach only us, and we decide
 * in which order things stop. If we are killed, Linux sends the child its stop signal.
 */
export async function startChildProcess(options: ChildProcessOptions): Promise<ChildProcess> {
  const { name, env, cwd, onLine, onSpawn, stopSignal = 'SIGTERM', graceMs = 10_000 } = options;
  const [command, ...args] = commandLine(options, stopSignal);
  const child = spawn(command, args, {
    env,
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const recent: string[] = [];
  const take = (line: string) => {
    recent.push(line);
    if (recent.length > recentLines) recent.shift();
    onLine?.(line);
  };
  readLines(child.stdout, take);
  readLines(child.stderr, take);

  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('exit', (code, signal) => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      setTimeout(() => resolve({ code, signal }), drainMs);
    });
  });
  if (child.pid !== undefined) onSpawn?.({ name, pid: child.pid, stopSignal });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number));
    child.once('error', reject);
  });

  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const kill = (signal: NodeJS.Signals) => {
    if (isRunning()) signalGroup(pid, signal);
  };
  const stop = async () => {
    if (isRunning()) child.kill(stopSignal);
    if ((await Promise.race([exited, delay(graceMs, 'late' as const, { ref: false })])) === 'late') {
      kill('SIGKILL');
      await exited;
    }
  };
  return { name, pid, exited, stop, kill, isRunning, recentOutput: () => [...recent] };
}

/** Runs a program to its end. @throws StackError with its last lines when it does not exit with 0. */
export async function runToCompletion(options: ChildProcessOptions): Promise<void> {
  const child = await startChildProcess(options);
  const exit = await child.exited;
  if (exit.code !== 0) throw new StackError(explainExit(child, exit));
}

/** One sentence about an unexpected end, followed by what the process said last. */
export function explainExit(child: ChildProcess, exit: ProcessExit): string {
  const how = exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
  const output = child.recentOutput();
  return output.length === 0 ? `${child.name} ${how}` : `${child.name} ${how}:\n${output.join('\n')}`;
}

/** Signals a whole process group; a group that no longer exists is not an error. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * setpriv becomes the program, so the process id is the program's. Without it (it is part of every Debian) the child
 * starts all the same, but outlives us if we are killed.
 */
function commandLine(options: ChildProcessOptions, stopSignal: NodeJS.Signals): [string, ...string[]] {
  const { command, args, privileges = [] } = options;
  if (!existsSync(setpriv) && privileges.length === 0) return [command, ...args];
  return [setpriv, '--pdeathsig', stopSignal.slice('SIG'.length), ...privileges, '--', command, ...args];
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
