import { AppError } from '#shared/kernel/errors.ts';
import { type Page, pageOf } from '#shared/kernel/page.ts';

/** @param found one more than the page has room for, if there are so many */
export function pageById<Item extends { readonly id: string }>(
  found: readonly Item[],
  limit: number,
): Page<Item> {
  return pageOf(found, limit, ({ id }) => toCursor(id));
}

/**
 * Ids sort by creation time, so a position in a list is the id of the item before it.
 *
 * @throws AppError `INVALID_CURSOR`
 */
export function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  if (hex.length !== 32) {
    throw new AppError({
      code: 'INVALID_CURSOR',
      kind: 'rejected',
      message: 'use the position that came with the previous page as it is',
    });
  }
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function toCursor(id: string): string {
  return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');
}
