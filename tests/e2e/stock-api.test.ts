import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { magicAmounts } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let base: string;

beforeAll(async () => {
  system = await createTestSystem();
  base = `${system.urls.processor}/stock`;
});
afterAll(() => system?.dispose());

interface Stock {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

function put(sku: string, body: unknown): Promise<Response> {
  return fetch(`${base}/${encodeURIComponent(sku)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function stockOf(sku: string): Promise<Stock> {
  return (await (await fetch(`${base}/${encodeURIComponent(sku)}`)).json()) as Stock;
}

test('the stock that is seeded is plenty of SKU-001 to SKU-100, listed by SKU', async () => {
  const { items } = (await (await fetch(base)).json()) as { items: Stock[] };
  expect(items).toHaveLength(100);
  expect(items[0]).toEqual({ sku: 'SKU-001', onHand: 1_000_000, reserved: 0, shipped: 0 });
  expect(items.map(({ sku }) => sku)).toEqual(items.map(({ sku }) => sku).sort());
  expect(items.at(-1)?.sku).toBe('SKU-100');
});

test('the list comes in pages, each with the way to the next one', async () => {
  const pages: string[][] = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const response = await fetch(`${base}?limit=40${next}`);
    const { items, nextCursor } = (await response.json()) as { items: Stock[]; nextCursor?: string };
    pages.push(items.map(({ sku }) => sku));
    next = nextCursor && `&cursor=${encodeURIComponent(nextCursor)}`;
  }
  expect(pages.map(({ length }) => length)).toEqual([40, 40, 20]);
  expect(pages.flat()).toEqual([...new Set(pages.flat())].sort());
});

describe('setting the stock', () => {
  test.each(['NEW-1', 'Größe 42/44', 'a?b#c%d'])('of the new SKU %s creates it', async (sku) => {
    const response = await put(sku, { onHand: 7 });
    const stock = { sku, onHand: 7, reserved: 0, shipped: 0 };
    expect([response.status, await response.json()]).toEqual([200, stock]);
    expect(await stockOf(sku)).toEqual(stock);
  });

  test('is about the SKU that orders mean by the same text', async () => {
    expect(await (await put(' BLANKS ', { onHand: 1 })).json()).toMatchObject({ sku: 'BLANKS' });
    const orders = orderClient(system.urls.order);
    const { id } = await orders.place(orderBody({ sku: ' BLANKS ' }));
    await orders.becomes(id, 'completed');
  });

  test('leaves alone what is reserved and shipped, and orders can be filled from it', async () => {
    await put('SKU-X', { onHand: 1 });
    const orders = orderClient(system.urls.order);
    const held = await orders.place(orderBody({ sku: 'SKU-X', amountMinor: magicAmounts.isHeld }));
    await orders.becomes(held.id, 'reserved');
    expect(await (await put('SKU-X', { onHand: 3 })).json()).toEqual({
      sku: 'SKU-X',
      onHand: 3,
      reserved: 1,
      shipped: 0,
    });
    await sandboxClient(system.urls.sandbox).releaseHeld();
    await orders.becomes(held.id, 'completed');
    const next = await orders.place(orderBody({ sku: 'SKU-X', quantity: 3 }));
    await orders.becomes(next.id, 'completed');
    expect(await stockOf('SKU-X')).toEqual({ sku: 'SKU-X', onHand: 0, reserved: 0, shipped: 4 });
  });

  test.each<[string, unknown, readonly string[]]>([
    ['negative', { onHand: -1 }, ['onHand']],
    ['broken', { onHand: 1.5 }, ['onHand']],
    ['a text', { onHand: '7' }, ['onHand']],
    ['more than can be counted', { onHand: 1_000_000_001 }, ['onHand']],
    ['missing', {}, ['onHand']],
    ['not alone', { onHand: 1, reserved: 5 }, ['reserved']],
  ])('is refused when the number is %s, and changes nothing', async (_what, body, fields) => {
    const response = await put('SKU-099', body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const { errors } = (await response.json()) as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field)).toEqual(fields);
    expect(await stockOf('SKU-099')).toMatchObject({ onHand: 1_000_000, reserved: 0, shipped: 0 });
  });

  test.each(['a\u0000b', '\n', 'x'.repeat(65)])('is refused for a name that is none', async (sku) => {
    expect((await put(sku, { onHand: 1 })).status).toBe(400);
  });
});

test('a SKU that nobody knows is 404', async () => {
  const response = await fetch(`${base}/NOBODY`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code: 'SKU_NOT_FOUND', status: 404 });
});
