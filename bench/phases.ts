import { type CpuReading, type CpuUse, cpuBetween, readCpu } from './cpu-time.ts';
import type { LoadDriver } from './load/driver.ts';
import type { LoadJob, LoadResult } from './load/protocol.ts';
import { monotonicMs } from './monotonic.ts';
import type { Observer } from './observer.ts';
import type { Reference } from './reference/reference.ts';
import type { BenchSystem } from './system.ts';
import type { Workload } from './workload.ts';

/** Everything that a measurement needs. */
export interface Workbench {
  readonly system: BenchSystem;
  readonly driver: LoadDriver;
  readonly observer: Observer;
  readonly reference: Reference;
  readonly workload: Workload;
  readonly callers: number;
  /** What every phase so far was answered; also gives the next orders their numbers. */
  readonly loads: LoadResult[];
  readonly progress: (message: string) => void;
}

/** How many orders went through something, in which time, at which cost. */
export interface Throughput {
  readonly orders: number;
  readonly seconds: number;
  /** Where Linux counts it. */
  readonly cpu: CpuUse | undefined;
}

export interface Accepting extends Throughput {
  readonly answerMs: Float64Array;
}

export interface EndToEnd extends Throughput {
  readonly accepting: Accepting;
}

/** Posts `orders` orders and waits for them, so that caches are filled and code is compiled. */
export async function warmUp(bench: Workbench, orders: number): Promise<void> {
  const load = post(bench, { count: orders, callers: bench.callers });
  await bench.observer.untilSettled(load, (open) => bench.progress(`warming up: ${open} orders under way`));
}

/** How fast orders are accepted while nobody processes them: leaves the processor-service paused. */
export async function measureAccepting(bench: Workbench, seconds: number): Promise<Accepting> {
  bench.system.pauseProcessor();
  const { callers } = bench;
  const { result: load, cpu } = await withCpu(bench, () =>
    post(bench, { count: Number.POSITIVE_INFINITY, forMs: seconds * 1_000, callers }, (accepted) =>
      bench.progress(`accepting: ${accepted} orders`),
    ),
  );
  return { ...acceptingOf(load), cpu };
}

/** Resumes the processor-service: how fast it and the order-service work off what has piled up. */
export async function measureProcessing(bench: Workbench): Promise<Throughput> {
  const orders = await bench.observer.countOpen();
  const { result: seconds, cpu } = await withCpu(bench, async () => {
    const startedAt = monotonicMs();
    bench.system.resumeProcessor();
    const endedAt = await bench.observer.untilSettled(Promise.resolve(), (open) =>
      bench.progress(`processing what has piled up: ${open} orders left`),
    );
    return (endedAt - startedAt) / 1_000;
  });
  return { orders, seconds, cpu };
}

/** Everything at once: from the first request until all `orders` orders are completed. */
export async function measureEndToEnd(bench: Workbench, orders: number): Promise<EndToEnd> {
  const { result, cpu } = await withCpu(bench, async () => {
    let accepted = 0;
    const load = post(bench, { count: orders, callers: bench.callers }, (count) => {
      accepted = count;
    });
    const endedAt = await bench.observer.untilSettled(load, (open) =>
      bench.progress(`end to end: ${accepted} orders accepted, ${Math.max(0, accepted - open)} completed`),
    );
    return { load: await load, endedAt };
  });
  const { load, endedAt } = result;
  const accepting = { ...acceptingOf(load), cpu };
  return { orders: load.ids.length, seconds: (endedAt - load.startedAt) / 1_000, cpu, accepting };
}

/** Milliseconds from placed to completed of each order while few are under way. */
export async function measureLatency(
  bench: Workbench,
  { ordersPerSecond, seconds }: { ordersPerSecond: number; seconds: number },
): Promise<Float64Array> {
  const load = post(
    bench,
    { count: ordersPerSecond * seconds, callers: bench.callers, everyMs: 1_000 / ordersPerSecond },
    (accepted) => bench.progress(`light load: ${accepted} orders`),
  );
  // Looking starts when the load is over, so that it disturbs nobody.
  const { ids } = await load;
  await bench.observer.untilSettled(load, () => {});
  return bench.observer.completionTimes(ids);
}

async function post(
  bench: Workbench,
  job: Pick<LoadJob, 'count' | 'callers' | 'forMs' | 'everyMs'>,
  onProgress?: (accepted: number) => void,
): Promise<LoadResult> {
  const { driver, system, workload, loads } = bench;
  const firstIndex = loads.reduce((sum, { ids, failures }) => sum + ids.length + failures.length, 0);
  const load = await driver.run({ ...job, url: system.orderServiceUrl, workload, firstIndex }, onProgress);
  loads.push(load);
  return load;
}

function acceptingOf({ ids, startedAt, finishedAt, answerMs }: LoadResult): Omit<Accepting, 'cpu'> {
  return { orders: ids.length, seconds: (finishedAt - startedAt) / 1_000, answerMs };
}

async function withCpu<T>(
  bench: Workbench,
  work: () => Promise<T>,
): Promise<{ result: T; cpu: CpuUse | undefined }> {
  const before = await readAll(bench);
  const result = await work();
  const after = await readAll(bench);
  return { result, cpu: before && after && cpuBetween(before, after) };
}

async function readAll({ system, driver, observer }: Workbench): Promise<CpuReading | undefined> {
  const roots = new Map([...system.pids, ['load driver', driver.pid]]);
  return readCpu({ roots, named: await observer.backendNames() });
}
