import { type InvariantId, invariantIds, invariants } from '#shared/audit/invariants.ts';
import type { AuditReport } from './audit.ts';

/** What no witness here can tell: whether a client was answered alike, and how a machine was before a load. */
const outOfReach: readonly InvariantId[] = ['I3', 'I13'];

const mostShown = 20;

export type Verdict = 'holds' | 'broken' | 'untold';

function verdictOn(invariant: InvariantId, { findings, silent }: AuditReport): Verdict {
  if (findings.some((finding) => finding.invariant === invariant)) return 'broken';
  const isUntold = outOfReach.includes(invariant) || silent.some(({ about }) => about.includes(invariant));
  return isUntold ? 'untold' : 'holds';
}

/** 0: everything holds; 1: something is broken; 2: nothing is known to be, and somebody could not be asked. */
export function exitCodeOf({ findings, silent }: AuditReport): 0 | 1 | 2 {
  if (findings.length > 0) return 1;
  return silent.length > 0 ? 2 : 0;
}

/** The report for people. */
export function toText(report: AuditReport, tookMs: number): string {
  const { findings, silent, counts } = report;
  const lines = invariantIds.flatMap((id) => {
    const theirs = findings.filter(({ invariant }) => invariant === id);
    const more = theirs.length - mostShown;
    return [
      `${id.padEnd(4)}${verdictOn(id, report).padEnd(8)}${invariants[id]}`,
      ...theirs.slice(0, mostShown).map(({ subject, what }) => `      ${subject} ${what}`),
      ...(more > 0 ? [`      and ${more} more; --json has all of them`] : []),
    ];
  });
  const { orders, skus, messages } = counts;
  return [
    ...lines,
    '',
    ...silent.map(
      ({ witness, why, about }) => `${about.join(', ')} untold: ${witness} could not be asked (${why})`,
    ),
    `${orders} orders, ${skus} SKUs and ${messages} messages in ${(tookMs / 1_000).toFixed(1)} s: ${summaryOf(report)}`,
  ].join('\n');
}

function summaryOf({ findings, silent }: AuditReport): string {
  if (findings.length > 0) return findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  return silent.length > 0 ? 'nothing found, not everybody asked' : 'nothing found';
}

/** The report for programs. */
export function toJson(report: AuditReport, tookMs: number): string {
  const verdicts = invariantIds.map((id) => ({
    invariant: id,
    promise: invariants[id],
    status: verdictOn(id, report),
  }));
  const { findings, silent, counts } = report;
  return JSON.stringify({ invariants: verdicts, findings, silent, counts, tookMs }, null, 2);
}
