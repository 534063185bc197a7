import type { CpuUse } from './cpu-time.ts';
import type { Accepting, EndToEnd, Throughput } from './phases.ts';
import { median, percentile } from './statistics.ts';
import type { StorageUse } from './storage.ts';
import { formatTable } from './table.ts';

/** Everything a run has measured. */
export interface Results {
  readonly title: string;
  readonly machine: string;
  /** What ran the bare statement, and how often a second in each repetition. */
  readonly reference: { readonly how: string; readonly rates: readonly number[] };
  readonly accepting: Accepting;
  readonly processing: Throughput;
  readonly endToEnd: EndToEnd;
  /** Bytes per order of the end-to-end phase. */
  readonly storage: StorageUse;
  /** Milliseconds from placed to completed. */
  readonly latencyMs: Float64Array;
  readonly lightLoad: { readonly ordersPerSecond: number };
}

/** All of it for people to read. */
export function formatResults(results: Results): string {
  return [
    results.title,
    results.machine,
    '',
    formatRates(results),
    '',
    formatLatencies(results),
    '',
    formatCpu(results),
    '',
    formatStorage(results),
  ].join('\n');
}

function formatRates({ reference, accepting, processing, endToEnd }: Results): string {
  const unit = median(reference.rates);
  const row = (what: string, rate: number, remark: string): string[] => [
    what,
    wholes(rate),
    (rate / unit).toFixed(3),
    remark,
  ];
  const remarkOf = ({ orders, seconds }: Throughput): string =>
    `${wholes(orders)} orders in ${seconds.toFixed(1)} s`;
  return formatTable(
    ['throughput', '> orders/s', '> of reference', ''],
    [
      row('reference: bare statement', unit, `${reference.how}; ${reference.rates.map(wholes).join(', ')}`),
      row('accepting alone', rateOf(accepting), remarkOf(accepting)),
      row('processing alone', rateOf(processing), remarkOf(processing)),
      row('accepting, end to end', rateOf(endToEnd.accepting), remarkOf(endToEnd.accepting)),
      row('end to end', rateOf(endToEnd), remarkOf(endToEnd)),
    ],
  );
}

function formatLatencies({ accepting, endToEnd, latencyMs, lightLoad }: Results): string {
  const row = (what: string, values: Float64Array): string[] => [
    what,
    ...[0.5, 0.95, 0.99].map((p) => percentile(values, p).toFixed(1)),
    `${wholes(values.length)} orders`,
  ];
  return formatTable(
    ['latency, ms', '> p50', '> p95', '> p99', ''],
    [
      row('answer, accepting alone', accepting.answerMs),
      row('answer, end to end', endToEnd.accepting.answerMs),
      row(`placed → completed, ${lightLoad.ordersPerSecond} orders/s`, latencyMs),
    ],
  );
}

function formatCpu({ accepting, processing, endToEnd }: Results): string {
  const phases: readonly Throughput[] = [accepting, processing, endToEnd];
  if (phases.some(({ cpu }) => cpu === undefined)) return 'CPU time is measured on Linux only.';
  const names = new Set(phases.flatMap(({ cpu }) => [...(cpu as CpuUse).byName.keys()]));
  const perOrder = ({ orders }: Throughput, seconds: number): string =>
    ((seconds * 1_000) / orders).toFixed(3);
  const row = (what: string, secondsOf: (cpu: CpuUse) => number): string[] => [
    what,
    ...phases.map((phase) => perOrder(phase, secondsOf(phase.cpu as CpuUse))),
  ];
  const coresBusy = (what: string, secondsOf: (cpu: CpuUse) => number): string[] => [
    what,
    ...phases.map(({ cpu, seconds }) => (secondsOf(cpu as CpuUse) / seconds).toFixed(2)),
  ];
  const shown = [...names].filter((name) => phases.some((phase) => isWorthShowing(phase, name)));
  return formatTable(
    ['CPU, ms per order', '> accepting', '> processing', '> end to end'],
    [
      ...shown.sort().map((name) => row(name, ({ byName }) => byName.get(name) ?? 0)),
      row('all of it', sumOf),
      coresBusy('cores busy with it', sumOf),
      coresBusy('cores busy with other work', (cpu) => Math.max(0, cpu.machineSeconds - sumOf(cpu))),
    ],
  );
}

function formatStorage({ storage }: Results): string {
  const rows = [...storage].map(([where, bytes]) => [where, wholes(bytes)]);
  return formatTable(['storage', '> bytes per order'], rows);
}

function isWorthShowing({ orders, cpu }: Throughput, name: string): boolean {
  return ((cpu?.byName.get(name) ?? 0) * 1_000) / orders >= 0.001;
}

function sumOf({ byName }: CpuUse): number {
  return [...byName.values()].reduce((sum, value) => sum + value, 0);
}

function rateOf({ orders, seconds }: Throughput): number {
  return orders / seconds;
}

function wholes(value: number): string {
  return Math.round(value).toLocaleString('en');
}
