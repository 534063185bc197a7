import type { DeadLetterSummary } from './dead-letter.ts';
import type { FailureKind } from './fingerprint.ts';

/** Letters that failed alike. Times are ISO 8601, `undefined` where no letter says when it was given up. */
export interface DeadLetterGroup extends FailureKind {
  readonly fingerprint: string;
  readonly count: number;
  readonly firstSeenAt: string | undefined;
  readonly lastSeenAt: string | undefined;
  /** Id of one of them, and what it failed of. */
  readonly exampleId: string;
  readonly exampleMessage: string;
}

/** Gathers letters into groups one by one; in memory are only the groups. */
export function createGrouping(): {
  add(letter: DeadLetterSummary): void;
  /** The largest groups first, the latest ones first where they are equal. */
  groups(): readonly DeadLetterGroup[];
} {
  const byFingerprint = new Map<string, DeadLetterGroup>();
  return {
    add(letter) {
      const { fingerprint } = letter;
      byFingerprint.set(
        fingerprint,
        withLetter(byFingerprint.get(fingerprint) ?? emptyGroup(letter), letter),
      );
    },
    groups: () => [...byFingerprint.values()].sort((a, b) => b.count - a.count || compareLast(b, a)),
  };
}

function emptyGroup(letter: DeadLetterSummary): DeadLetterGroup {
  const { fingerprint, queue, type, errorCode, frame, id, errorMessage } = letter;
  return {
    fingerprint,
    queue,
    type,
    errorCode,
    frame,
    count: 0,
    firstSeenAt: undefined,
    lastSeenAt: undefined,
    exampleId: id,
    exampleMessage: errorMessage,
  };
}

function withLetter(group: DeadLetterGroup, { failedAt }: DeadLetterSummary): DeadLetterGroup {
  const { firstSeenAt = failedAt, lastSeenAt = failedAt } = group;
  return {
    ...group,
    count: group.count + 1,
    firstSeenAt: failedAt && firstSeenAt && failedAt < firstSeenAt ? failedAt : firstSeenAt,
    lastSeenAt: failedAt && lastSeenAt && failedAt > lastSeenAt ? failedAt : lastSeenAt,
  };
}

function compareLast(a: DeadLetterGroup, b: DeadLetterGroup): number {
  return (a.lastSeenAt ?? '') < (b.lastSeenAt ?? '') ? -1 : 1;
}
