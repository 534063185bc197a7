import { describe, expect, it } from '@jest/globals';
import type { PlacedOrder } from './customer.ts';
import { createEventually } from './eventually.ts';
import { createNarrator } from './narrator.ts';
import { createVerify } from './verify.ts';

/** How everything is; a test changes one thing. */
const asItShouldBe = {
  status: 'completed',
  failure: null as { code: string } | null,
  movements: ['captured 25.00'],
  letters: [] as { id: string }[],
  stock: { sku: 'MUG', onHand: 8, reserved: 0, shipped: 2 },
};

async function verify(found: Partial<typeof asItShouldBe>): Promise<string[]> {
  const { status, failure, movements, letters, stock } = { ...asItShouldBe, ...found };
  const lines: string[] = [];
  const order = {
    id: 'o-1',
    customer: 'ada',
    look: async () => ({ status, failure }),
    timeline: async () => [],
  } as unknown as PlacedOrder;
  const patient = createEventually(new AbortController().signal);
  await createVerify({
    operator: { deadLettersOf: async () => letters, stockOf: async () => stock } as never,
    provider: { movementsOf: async () => movements } as never,
    eventually: (wait) => patient({ ...wait, withinMs: 0 }),
    narrator: createNarrator((line) => lines.push(line)),
  })({
    orders: [{ order, status: 'completed', ledger: ['captured 25.00'] }],
    sku: 'MUG',
    stock: { onHand: 8, reserved: 0, shipped: 2 },
  });
  return lines;
}

describe('a verification', () => {
  it('says what it has found to be right', async () => {
    expect((await verify({})).at(-1)).toContain(
      'ada: completed · MUG: 8 on hand, 0 reserved, 2 shipped · ledger: captured 25.00 · no dead letters',
    );
  });

  it.each([
    ['the order stands elsewhere', { status: 'paid' }, 'found ["paid",null]'],
    ['the order has failed', { failure: { code: 'INTERNAL' } }, 'found ["completed","INTERNAL"]'],
    [
      'money was taken twice',
      { movements: ['captured 25.00', 'captured 25.00'] },
      'found ["captured 25.00",',
    ],
    ['a message rests', { letters: [{ id: 'm-1' }] }, 'found [{"id":"m-1"}]'],
    ['stock is still reserved', { stock: { ...asItShouldBe.stock, reserved: 1 } }, '"reserved":1'],
  ])('fails when %s', async (_what, found, reason) => {
    await expect(verify(found)).rejects.toThrow(reason);
  });
});
