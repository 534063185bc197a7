import { once } from 'node:events';
import { join } from 'node:path';
import { collectEvidence, readStock } from './evidence.ts';
import { startDriver } from './load/driver.ts';
import { describeMachine } from './machine.ts';
import { createObserver } from './observer.ts';
import type { BenchOptions } from './options.ts';
import {
  measureAccepting,
  measureEndToEnd,
  measureLatency,
  measureProcessing,
  type Workbench,
  warmUp,
} from './phases.ts';
import { profileEndToEnd } from './profile/profile-end-to-end.ts';
import { chooseInspectorPorts, type InspectorPorts, profilingSettings } from './profile/settings.ts';
import { createReference } from './reference/reference.ts';
import { formatResults, type Results } from './results.ts';
import { growthPerOrder, readStorage } from './storage.ts';
import { type BenchSystem, benchDir, startBenchSystem } from './system.ts';
import { acceptedOrders, findDiscrepancies } from './verification.ts';

export interface BenchContext {
  readonly options: BenchOptions;
  /** Told what begins. */
  readonly report: (message: string) => void;
  /** Told often how far a measurement is. */
  readonly progress: (message: string) => void;
  /** Told every line that a server or a service writes. */
  readonly log: (source: string, line: string) => void;
  readonly signal: AbortSignal;
}

export interface BenchOutcome {
  /** What was measured, for people to read. */
  readonly text: string;
  readonly orders: number;
  /** What is wrong after the run; empty when all is well. */
  readonly discrepancies: readonly string[];
}

/**
 * Brings everything up, measures, verifies, and stops everything, whatever happens on the way.
 *
 * @throws StackError about a part that does not come up or ends too early; the signal's reason once it is aborted.
 */
export async function runBench(context: BenchContext): Promise<BenchOutcome> {
  const { options, signal } = context;
  const inspectorPorts = options.profile ? await chooseInspectorPorts() : undefined;
  const system = await startBenchSystem({
    ...context,
    ...(inspectorPorts ? profilingSettings(inspectorPorts) : {}),
  });
  const driver = startDriver();
  const observer = await createObserver(system);
  try {
    const work = measureAndVerify(system, { ...context, driver, observer, inspectorPorts });
    return await Promise.race([work, system.failure, aborted(signal)]);
  } finally {
    driver.stop();
    await observer.close();
    await system.stop();
  }
}

async function measureAndVerify(
  system: BenchSystem,
  context: BenchContext &
    Pick<Workbench, 'driver' | 'observer'> & { readonly inspectorPorts: InspectorPorts | undefined },
): Promise<BenchOutcome> {
  const { options, report, inspectorPorts } = context;
  const workload = { hotSku: options.hotSku, keys: options.keys };
  const bench: Workbench = {
    ...context,
    system,
    reference: await createReference({
      url: system.referenceDatabaseUrl,
      scriptFile: join(benchDir, 'reference.sql'),
    }),
    workload,
    callers: options.callers,
    loads: [],
  };
  const stockBefore = await readStock(system.processorDatabaseUrl);
  report('Warming up');
  await warmUp(bench, options.warmUpOrders);
  const text = inspectorPorts
    ? await profileEndToEnd(bench, inspectorPorts, options.orders, report)
    : formatResults(await measure(bench, options, report));
  report('Verifying');
  const accepted = acceptedOrders(bench.loads, workload);
  const discrepancies = findDiscrepancies({
    accepted,
    failures: bench.loads.flatMap(({ failures }) => failures),
    stockBefore,
    ...(await collectEvidence(system)),
  });
  return { text, orders: accepted.size, discrepancies };
}

/** All measurements, one after the other, with the reference in between: what else the machine does hits both. */
async function measure(
  bench: Workbench,
  options: BenchOptions,
  report: (message: string) => void,
): Promise<Results> {
  const { system, reference } = bench;
  const { orders, callers, hotSku, keys, referenceSeconds, acceptSeconds, lightLoad } = options;
  const rates: number[] = [];
  const measureReference = async (): Promise<void> => {
    report(`Reference: ${reference.how}, ${referenceSeconds} s`);
    rates.push(await reference.measure(referenceSeconds));
  };
  const items = hotSku ? 'all of one SKU' : 'spread over 100 SKUs';
  const title = `${orders.toLocaleString('en')} orders of one item, ${items}, ${callers} callers${keys ? ', with idempotency keys' : ''}`;
  const machine = await describeMachine(system.orderDatabaseUrl, system.amqpUrl);

  await measureReference();
  report(`Accepting for ${acceptSeconds} s while processing is paused`);
  const accepting = await measureAccepting(bench, acceptSeconds);
  report('Processing what has piled up');
  const processing = await measureProcessing(bench);
  await measureReference();
  report(`End to end: ${orders.toLocaleString('en')} orders`);
  const before = await readStorage(system);
  const endToEnd = await measureEndToEnd(bench, orders);
  const storage = growthPerOrder(before, await readStorage(system), orders);
  await measureReference();
  report(`Latency at ${lightLoad.ordersPerSecond} orders/s for ${lightLoad.seconds} s`);
  const latencyMs = await measureLatency(bench, lightLoad);
  return {
    title,
    machine,
    reference: { how: reference.how, rates },
    accepting,
    processing,
    endToEnd,
    storage,
    latencyMs,
    lightLoad,
  };
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}
