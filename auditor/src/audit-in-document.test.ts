import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { orderChecks } from '#order-service/application/audit/order-checks.ts';
import { sagaChecks, stockChecks } from '#processor-service/application/audit/saga-checks.ts';
import { type InvariantId, invariantIds } from '#shared/audit/invariants.ts';
import type { Comparison } from '#shared/audit/invariants-route.ts';
import { outboxFreshness } from '#shared/audit/outbox-is-fresh.ts';
import { crossChecks } from './checks/case-checks.ts';
import { publishedInOrder, publishedIsCommitted } from './checks/published-is-committed.ts';
import { stockMatchesReservations } from './checks/stock-matches-reservations.ts';

const told: readonly (readonly [witness: string, comparisons: readonly Comparison[]])[] = [
  ['order_db', [...orderChecks, outboxFreshness]],
  ['processor_db', [...sagaChecks, ...stockChecks, outboxFreshness]],
  [
    'all together',
    [...crossChecks, stockMatchesReservations, publishedIsCommitted, publishedInOrder, outboxFreshness],
  ],
];

test('ARCHITECTURE.md says what is compared, by whom, for which invariant', () => {
  const document = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const table = /<!-- audit -->\n\n([^]*?)\n\n<!-- \/audit -->/.exec(document)?.[1] ?? '';
  const documented = table
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(documented).toEqual(rows());
});

function rows(): string[][] {
  return invariantIds.flatMap((id: InvariantId) =>
    told.flatMap(([witness, comparisons]) =>
      comparisons.filter(({ invariant }) => invariant === id).map(({ compares }) => [id, witness, compares]),
    ),
  );
}
