import { readdirSync, readFileSync } from 'node:fs';

/** Counters at one moment; {@link cpuBetween} makes sense of two of them. */
export interface CpuReading {
  readonly processes: ReadonlyMap<number, CountedProcess>;
  readonly machineSeconds: number;
}

/** CPU time that was used, in seconds. */
export interface CpuUse {
  readonly byName: ReadonlyMap<string, number>;
  /** Of everything on this machine, ours or not. */
  readonly machineSeconds: number;
}

interface CountedProcess {
  readonly name: string;
  /** Name of the root of its tree. */
  readonly root: string;
  readonly seconds: number;
}

/** Who is asked about. */
export interface CpuSubjects {
  /** Each stands for the whole tree of processes below it. */
  readonly roots: ReadonlyMap<string, number>;
  /** Processes within those trees that are counted under a name of their own. */
  readonly named: ReadonlyMap<number, string>;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and that of children that have ended. */
  readonly seconds: number;
}

/** USER_HZ, in which Linux counts CPU time for user space on every platform that Node runs on. */
const ticksPerSecond = 100;

/** Reads the counters of Linux; `undefined` where there are none. */
export function readCpu({ roots, named }: CpuSubjects): CpuReading | undefined {
  if (process.platform !== 'linux') return undefined;
  const found = readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? readProcess(entry) : []));
  const children = Map.groupBy(found, ({ parent }) => parent);
  const processes = new Map<number, CountedProcess>();
  const countTree = ({ pid, seconds }: Process, root: string): void => {
    processes.set(pid, { name: named.get(pid) ?? root, root, seconds });
    for (const child of children.get(pid) ?? []) countTree(child, root);
  };
  for (const [name, pid] of roots) {
    const root = found.find((process) => process.pid === pid);
    if (root !== undefined) countTree(root, name);
  }
  // Ourselves, without the processes that we have started: they are among the roots.
  const { user, system } = process.cpuUsage();
  processes.set(process.pid, { name: 'observer', root: 'observer', seconds: (user + system) / 1e6 });
  return { processes, machineSeconds: readMachine() };
}

/**
 * What was used between two readings. A process that ended in between has left all its time to its parent; what it used
 * before the first reading is taken off there, and the rest counts under the name of the root.
 */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuUse {
  const byName = new Map<string, number>();
  const add = (name: string, seconds: number): unknown => byName.set(name, (byName.get(name) ?? 0) + seconds);
  for (const [pid, { name, seconds }] of after.processes) {
    add(name, seconds - (before.processes.get(pid)?.seconds ?? 0));
  }
  for (const [pid, { root, seconds }] of before.processes) {
    if (!after.processes.has(pid)) add(root, -seconds);
  }
  return { byName, machineSeconds: after.machineSeconds - before.machineSeconds };
}

/** See proc_pid_stat(5): the name in parentheses may contain anything, the fields after it count from 3. */
function readProcess(pid: string): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    const ticks = field(14) + field(15) + field(16) + field(17);
    return [{ pid: Number(pid), parent: field(4), seconds: ticks / ticksPerSecond }];
  } catch {
    return []; // it ended meanwhile
  }
}

/** Everything but idling and waiting for disks; see proc_stat(5). */
function readMachine(): number {
  const total = /^cpu +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = total.split(' ').map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}
