import type { InvariantId } from './invariants.ts';

/** Something that must never be. */
export interface Finding {
  readonly invariant: InvariantId;
  /** The order it is about; the SKU, where it is about stock and no order can be named. */
  readonly subject: string;
  /** What is wrong, as the rest of a sentence that begins with the subject. The same wrong has the same words. */
  readonly what: string;
}

/** What a check may lean on beside the evidence. Times are milliseconds since 1970, as everywhere in the evidence. */
export interface Terms {
  /** When the evidence was gathered. */
  readonly at: number;
  /** After how long without a change what has not ended counts as stuck. */
  readonly overdueMs: number;
  /** How long published messages stay in the outbox. */
  readonly outboxRetentionMs: number;
}

/** One comparison of what is known about one subject: pure, and no opinion on what cannot be told from there. */
export interface Check<Evidence> {
  readonly invariant: InvariantId;
  /** What is compared with what. */
  readonly compares: string;
  /** What is wrong, if anything is. */
  flaws(evidence: Evidence, terms: Terms): Iterable<string>;
}

/** Holds each subject to each check. */
export function judge<Evidence extends { readonly id: string }>(
  checks: readonly Check<Evidence>[],
  subjects: readonly Evidence[],
  terms: Terms,
): readonly Finding[] {
  return subjects.flatMap((evidence) =>
    checks.flatMap(({ invariant, flaws }) =>
      [...flaws(evidence, terms)].map((what) => ({ invariant, subject: evidence.id, what })),
    ),
  );
}
