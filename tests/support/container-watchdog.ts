/**
 * Removes the containers of a test run as soon as that run is gone, even if it was killed:
 * `node container-watchdog.ts LABEL=VALUE`, with a standard input that the run holds open for as long as it lives.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeContainers } from './container-engine.ts';

/** A container that was being created when the run died shows up a moment later. */
const secondLookMs = 3_000;

/** Starts the watchdog for the containers that carry `label`. It does not keep this process from ending. */
export function startWatchdog(label: string): { stop(): void } {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), label], {
    // A group of its own: Ctrl-C must not end the one who cleans up after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as Socket).unref();
  return { stop: () => void child.kill() };
}

if (import.meta.main) {
  const [, , label] = process.argv;
  if (label === undefined) throw new Error('usage: node container-watchdog.ts LABEL=VALUE');
  for await (const _ of process.stdin);
  await removeContainers(label);
  await delay(secondLookMs);
  await removeContainers(label);
}
