import { AppError } from '#shared/kernel/errors.ts';

const shortest = 8;

/**
 * How much of the end of these ids tells them from each other. The end, because ids that were made in the same
 * millisecond begin alike.
 */
export function shortLengthOf(ids: readonly string[]): number {
  const distinct = [...new Set(ids)];
  for (let length = shortest; ; length += 1) {
    const ends = new Set(distinct.map((id) => id.slice(-length)));
    if (ends.size === distinct.length) return length;
  }
}

/**
 * The one of `ids` that is meant, also by its end.
 *
 * @throws AppError `MESSAGE_NOT_FOUND`; `VALIDATION_FAILED` when several are.
 */
export function resolveId(short: string, ids: readonly string[]): string {
  if (ids.includes(short)) return short;
  const meant = [...new Set(ids.filter((id) => id.endsWith(short)))];
  if (meant.length > 1) {
    const message = `${short} may be any of ${meant.length}: ${meant.slice(0, 5).join(', ')}${meant.length > 5 ? ', …' : ''}`;
    throw new AppError({ code: 'VALIDATION_FAILED', kind: 'rejected', message });
  }
  if (meant[0] !== undefined) return meant[0];
  throw new AppError({
    code: 'MESSAGE_NOT_FOUND',
    kind: 'rejected',
    message: `there is no dead letter ${short}`,
  });
}

/** Whether it may be the end of an id, and not a whole one. */
export function mayBeShort(id: string): boolean {
  return /^[0-9a-f-]{4,22}$/i.test(id);
}
