import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openProcessRegister } from './process-register.ts';
import { claimFolder, type FolderClaim, type Holder } from './single-instance.ts';
import { StackError } from './stack-error.ts';
import { removeStackFile } from './stack-file.ts';

/** How long another process may take to stop before its folder is given up. */
const patienceMs = 45_000;

/** Where a stack writes down the processes that it started. */
export const registerFile = (dir: string) => join(dir, 'processes.json');

/**
 * Makes the folder of a stack ours and stops what was left running in it by a start that was killed. A holder that is
 * about to stop is waited for.
 *
 * @param isStopping asked when another process wants the folder later: whether it is worth waiting for.
 * @throws StackError when a living process has the folder, or when it belongs to another user.
 */
export async function takeOver(
  dir: string,
  report: (message: string) => void,
  isStopping: () => boolean = () => false,
): Promise<FolderClaim> {
  mkdirSync(dir, { recursive: true });
  const user = process.getuid?.();
  if (user !== 0 && statSync(dir).uid !== user) {
    throw new StackError(`${dir} belongs to another user: work as that user, or remove it.`);
  }
  const claim = await claimWhenStopped(dir, () => (isStopping() ? 'stopping' : 'running'));
  removeStackFile(dir);
  const register = openProcessRegister(registerFile(dir));
  const leftOver = register.running();
  if (leftOver.length > 0) {
    report(`Stopping what an earlier start left running: ${leftOver.join(', ')}`);
    await register.stopAll();
  }
  return claim;
}

async function claimWhenStopped(dir: string, state: () => Holder): Promise<FolderClaim> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const claim = await claimFolder(dir, state);
    if (typeof claim === 'object') return claim;
    if (claim === 'running' || Date.now() > deadline) {
      throw new StackError(
        `The stack already runs out of ${dir}: stop it first (Ctrl-C where it was started).`,
      );
    }
    await delay(200);
  }
}
