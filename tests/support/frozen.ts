import { readdir, readFile } from 'node:fs/promises';

/** Stops a process and all it started, as a machine without air does: nothing is closed, and nothing answers. */
export async function freeze(pid: number): Promise<{ thaw(): void }> {
  const frozen = await familyOf(pid);
  for (const member of frozen) signal(member, 'SIGSTOP');
  return {
    thaw() {
      for (const member of frozen) signal(member, 'SIGCONT');
    },
  };
}

async function familyOf(pid: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
    // The name of the program stands in brackets and may contain anything; the parent is the second field behind it.
    const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
