import { firstIdAt, isUuid } from '#shared/kernel/ids.ts';
import type { Context, Witnesses } from './collect-cases.ts';

/** How many orders are looked at together. */
const pageSize = 200;

/**
 * Pages of ids of orders: of every order there is, and of those that somebody else knows and that are none.
 *
 * @param since only what was placed or announced, or what money moved for, since then
 */
export async function* ordersToLookAt(
  witnesses: Witnesses,
  { since, context }: { since: number | undefined; context: Context },
): AsyncGenerator<readonly string[]> {
  const { orders } = witnesses;
  const first = firstIdAt(since ?? 0);
  let after = first;
  for (;;) {
    const page = await orders.next(after, pageSize);
    if (page.length > 0) yield page;
    after = page.at(-1) ?? after;
    if (page.length < pageSize) break;
  }
  const given = new Set<string>();
  for await (const named of namedElsewhere(witnesses, since, context)) {
    const strangers = [...new Set(named)].filter((id) => isUuid(id) && !given.has(id));
    const missing = new Set(await orders.missing(strangers));
    // Orders of before the window have something new about them.
    const page = strangers.filter((id) => missing.has(id) || (since !== undefined && id < first));
    for (const id of page) given.add(id);
    for (let from = 0; from < page.length; from += pageSize) yield page.slice(from, from + pageSize);
  }
}

/** Ids that the other witnesses name, in pages. */
async function* namedElsewhere(
  { orders, processor, ledger }: Witnesses,
  since: number | undefined,
  { letters, hasLedger }: Context,
): AsyncGenerator<readonly string[]> {
  if (since === undefined) yield* allSagas(processor.next);
  for (const side of [orders, processor])
    for await (const rows of side.publications(since)) yield rows.map(({ orderId }) => orderId);
  if (hasLedger)
    for await (const entries of ledger.entries()) {
      const recent = entries.filter(({ time }) => Date.parse(time) >= (since ?? 0));
      yield recent.flatMap(({ reference }) => reference ?? []);
    }
  if (letters) yield [...letters.keys()];
}

async function* allSagas(next: Witnesses['processor']['next']): AsyncGenerator<readonly string[]> {
  let after = firstIdAt(0);
  for (;;) {
    const page = await next(after, pageSize);
    if (page.length > 0) yield page;
    after = page.at(-1) ?? after;
    if (page.length < pageSize) return;
  }
}
