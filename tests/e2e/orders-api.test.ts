import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { magicAmounts } from '../support/load.ts';
import { settled } from '../support/settled.ts';
import {
  createTestSystem,
  type OrderView,
  orderBody,
  orderClient,
  type TestSystem,
} from '../support/system.ts';

let system: TestSystem;
let base: string;

beforeAll(async () => {
  system = await createTestSystem();
  base = system.urls.order;
});
afterAll(() => system?.dispose());

describe('placing an order', () => {
  test('answers 201 with its address, its version and everything about it', async () => {
    const body = {
      customerId: '  Müller & Söhne  ',
      currency: 'CHF',
      items: [
        { sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 150, currency: 'CHF' } },
        { sku: 'SKU-001', quantity: 1, unitPrice: { amountMinor: 0, currency: 'CHF' } },
        { sku: 'SKU-002', quantity: 3, unitPrice: { amountMinor: 1, currency: 'CHF' } },
      ],
      description: 'zum Geburtstag 🎂',
      metadata: { constructor: 'x', 'a.b': 'ü' },
    };
    const response = await orderClient(base).post(body);
    const order = (await response.json()) as OrderView;
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/orders/${order.id}`);
    expect(response.headers.get('etag')).toBe('"1"');
    expect(order).toEqual({
      ...body,
      customerId: 'Müller & Söhne',
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/),
      status: 'pending',
      totalMinor: 303,
      failure: null,
      payment: 'automatic',
      paymentRequested: false,
      paidMinor: 0,
      refundedMinor: 0,
      refunds: [],
      cancellation: null,
      version: 1,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      updatedAt: (order as unknown as { createdAt: string }).createdAt,
    });
  });

  test('makes an order that is found at its address, with a new ETag for every change', async () => {
    const response = await orderClient(base).post(orderBody());
    const address = `${base}${response.headers.get('location')}`;
    const { id } = (await response.json()) as OrderView;
    await orderClient(base).becomes(id, 'completed');
    const found = await fetch(address);
    expect(found.status).toBe(200);
    expect(found.headers.get('etag')).toBe('"4"');
    expect(await found.json()).toMatchObject({ id, status: 'completed', version: 4 });
  });

  test('keeps the correlation id of the caller, and answers it', async () => {
    const correlationId = `call-${randomUUID()}`;
    const response = await fetch(`${base}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-correlation-id': correlationId },
      body: JSON.stringify(orderBody()),
    });
    expect(response.headers.get('x-correlation-id')).toBe(correlationId);
    const { id } = (await response.json()) as OrderView;
    await orderClient(base).becomes(id, 'completed');
    const { rows } = await system.processorDatabase.pool.query(
      'SELECT DISTINCT correlation_id FROM outbox WHERE order_id = $1',
      [id],
    );
    expect(rows).toEqual([{ correlation_id: correlationId }]);
  });
});

describe('the timeline of an order', () => {
  interface Entry {
    readonly at: string;
    readonly kind: string;
    readonly type: string;
    readonly detail: Readonly<Record<string, unknown>>;
  }

  test('tells oldest first who asked, what was published and received, and what it did', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const response = await fetch(`${base}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
      body: JSON.stringify(orderBody({}, 'customer-7')),
    });
    const { id } = (await response.json()) as OrderView;
    await orderClient(base).becomes(id, 'completed');
    await settled(system);
    const timeline = (await (await fetch(`${base}/orders/${id}/timeline`)).json()) as {
      orderId: string;
      entries: Entry[];
    };
    expect(timeline.orderId).toBe(id);
    const { entries } = timeline;
    expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).sort());
    const of = (kind: string) => entries.filter((entry) => entry.kind === kind);
    expect(of('history').map(({ type }) => type)).toEqual(['placed', 'reserved', 'paid', 'completed']);
    expect(of('history')[0]?.detail).toMatchObject({ version: 1, actor: 'customer:customer-7', traceId });
    expect(of('history')[3]?.detail).toMatchObject({ version: 4, actor: 'processor-service', traceId });
    expect(of('published')).toMatchObject([{ type: 'order.created.v1', detail: { sequence: 1 } }]);
    expect(of('received')).toMatchObject(
      ['order.reserved.v1', 'order.paid.v1', 'order.processed.v1'].map((type, index) => ({
        type,
        detail: { sequence: index + 1, outcome: 'applied' },
      })),
    );
  });
});

describe('the list of orders', () => {
  const customerId = `customer-${randomUUID()}`;
  /** In the order in which they were placed. */
  const placed: { id: string; status: string }[] = [];

  beforeAll(async () => {
    const orders = orderClient(base);
    for (let index = 0; index < 11; index += 1) {
      const isDeclined = index % 3 === 0;
      const amountMinor = isDeclined ? magicAmounts.declined : 100;
      const { id } = await orders.place(orderBody({ amountMinor }, customerId));
      placed.push({ id, status: isDeclined ? 'failed' : 'completed' });
    }
    await orders.place(orderBody({}, `${customerId}-2`));
    await settled(system);
  });

  type Page = { items: OrderView[]; nextCursor?: string };

  /** Turns the pages until there are no more. */
  async function pages(query: Record<string, string>): Promise<readonly (readonly string[])[]> {
    const found: string[][] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const search = new URLSearchParams({ ...query, ...(cursor === '' ? {} : { cursor }) });
      const response = await fetch(`${base}/orders?${search}`);
      expect(response.status).toBe(200);
      const page = (await response.json()) as Page;
      found.push(page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    return found;
  }
  const newestFirst = (status?: string): readonly string[] =>
    placed
      .filter((order) => status === undefined || order.status === status)
      .map(({ id }) => id)
      .reverse();

  test.each([1, 4, 11, 100])(
    'of a customer shows each order once, newest first, in pages of %i',
    async (limit) => {
      const found = await pages({ customerId, limit: String(limit) });
      expect(found.flat()).toEqual(newestFirst());
      expect(found.every((page) => page.length <= limit)).toBe(true);
      expect(found).toHaveLength(Math.ceil(placed.length / limit));
    },
  );

  test.each(['completed', 'failed'])(
    'of a customer and a status shows only those that are %s',
    async (status) => {
      expect((await pages({ customerId, status, limit: '3' })).flat()).toEqual(newestFirst(status));
    },
  );

  test('of a status shows those of every customer', async () => {
    const failed = (await pages({ status: 'failed', limit: '2' })).flat();
    expect(failed).toEqual(newestFirst('failed'));
  });

  test('of a customer without orders, and of a status without orders, is one empty page', async () => {
    expect(await pages({ customerId: 'nobody' })).toEqual([[]]);
    expect(await pages({ customerId, status: 'refunded' })).toEqual([[]]);
  });

  test('without any question shows the newest twenty at most', async () => {
    const page = (await (await fetch(`${base}/orders`)).json()) as Page;
    const { rows } = await system.orderDatabase.pool.query('SELECT id FROM orders ORDER BY id DESC LIMIT 20');
    expect(page.items.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  });

  test('skips and repeats nothing when orders are placed between two pages', async () => {
    const first = (await (await fetch(`${base}/orders?customerId=${customerId}&limit=5`)).json()) as Page;
    const { id } = await orderClient(base).place(orderBody({}, customerId));
    const search = new URLSearchParams({ customerId, limit: '100', cursor: first.nextCursor ?? '' });
    const rest = (await (await fetch(`${base}/orders?${search}`)).json()) as Page;
    expect([...first.items, ...rest.items].map((order) => order.id)).toEqual(newestFirst());
    placed.push({ id, status: 'completed' });
  });
});
