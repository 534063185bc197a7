import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '#shared/kernel/ids.ts';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

/** Nobody processes these orders: what the order-service does by itself is the subject. */
let system: TestSystem;
let orders: ReturnType<typeof orderClient>;

beforeAll(async () => {
  system = await createTestSystem({ services: ['order'] });
  orders = orderClient(system.urls.order);
});
afterAll(() => system?.dispose());

const json = { 'content-type': 'application/json' };

async function command(
  id: string,
  name: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
) {
  const response = await fetch(`${system.urls.order}/orders/${id}/${name}`, {
    method: 'POST',
    headers: body === undefined ? headers : { ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, etag: response.headers.get('etag'), body: answer };
}

const place = async (more: Record<string, unknown> = {}): Promise<string> =>
  (await orders.place({ ...orderBody(), ...more })).id;

/** As if the processor had said so. */
async function pretend(id: string, status: string, paidMinor = 0): Promise<void> {
  const sql = 'UPDATE orders SET status = $2, paid_minor = $3 WHERE id = $1';
  await system.orderDatabase.pool.query(sql, [id, status, paidMinor]);
}

async function announcedAbout(
  id: string,
): Promise<readonly { type: string; data: Record<string, unknown> }[]> {
  return eventually(async () => {
    const { rows } = await system.orderDatabase.pool.query<{ payload: string; published_at: Date | null }>(
      'SELECT payload, published_at FROM outbox WHERE order_id = $1 ORDER BY id',
      [id],
    );
    return rows.every(({ published_at }) => published_at) && rows.map(({ payload }) => JSON.parse(payload));
  });
}

describe('cancelling', () => {
  test('is accepted and announced with the whole order, once however often it is asked for', async () => {
    const id = await place();
    const first = await command(id, 'cancel', { body: { reason: 'changed my mind' } });
    expect(first).toMatchObject({
      status: 202,
      etag: '"2"',
      body: {
        id,
        status: 'pending',
        cancellation: { status: 'requested', reason: 'changed my mind' },
        version: 2,
      },
    });
    expect(await command(id, 'cancel')).toEqual(first);
    const [created, requested, ...more] = await announcedAbout(id);
    expect(more).toEqual([]);
    expect(requested).toMatchObject({ type: 'order.cancel_requested.v1', sequence: 2 });
    expect(requested?.data).toEqual({ ...created?.data, reason: 'changed my mind' });
  });

  test('of an order whose payment was captured is refused and points to the refund', async () => {
    const id = await place();
    await pretend(id, 'completed', 1_999);
    expect(await command(id, 'cancel')).toMatchObject({
      status: 409,
      body: {
        code: 'ORDER_ALREADY_PAID',
        title: expect.stringContaining('refund'),
        allowed: ['pending', 'reserved', 'failed'],
      },
    });
  });
});

describe('paying by hand', () => {
  test('is accepted and announced once', async () => {
    const id = await place({ payment: 'manual' });
    const first = await command(id, 'pay');
    expect(first).toMatchObject({ status: 202, body: { payment: 'manual', paymentRequested: true } });
    expect(await command(id, 'pay')).toEqual(first);
    expect((await announcedAbout(id)).map(({ type, data }) => [type, data['payment']])).toEqual([
      ['order.created.v1', 'manual'],
      ['order.payment_requested.v1', 'manual'],
    ]);
  });

  test('is refused for an order that is paid by itself', async () => {
    expect(await command(await place(), 'pay')).toMatchObject({
      status: 409,
      body: { code: 'PAYMENT_IS_AUTOMATIC' },
    });
  });
});

describe('refunding', () => {
  test('takes parts with an id of the caller, and then all that is left', async () => {
    const id = await place();
    await pretend(id, 'completed', 1_999);
    const refundId = newId();
    const part = await command(id, 'refund', { body: { amountMinor: 500, refundId } });
    expect(part).toMatchObject({
      status: 202,
      body: { refunds: [{ id: refundId, amountMinor: 500, status: 'requested' }] },
    });
    expect(await command(id, 'refund', { body: { amountMinor: 500, refundId } })).toEqual(part);
    expect(await command(id, 'refund', { body: { amountMinor: 501, refundId } })).toMatchObject({
      status: 409,
      body: { code: 'REFUND_ID_REUSED' },
    });
    expect(await command(id, 'refund', { body: { amountMinor: 1_500, refundId: newId() } })).toMatchObject({
      status: 409,
      body: { code: 'REFUND_TOO_LARGE', detail: 'at most 1499 can be refunded' },
    });
    const rest = await command(id, 'refund');
    expect(rest.body['refunds']).toMatchObject([{ amountMinor: 500 }, { amountMinor: 1_499 }]);
    expect(await command(id, 'refund')).toEqual(rest);
    const requests = (await announcedAbout(id)).slice(1).map(({ data }) => data['amountMinor']);
    expect(requests).toEqual([500, 1_499]);
  });

  test('of a part takes an idempotency key for an id', async () => {
    const id = await place();
    await pretend(id, 'completed', 1_999);
    const headers = { 'idempotency-key': 'a-part' };
    const part = await command(id, 'refund', { body: { amountMinor: 500 }, headers });
    expect(part).toMatchObject({ status: 202, body: { refunds: [{ amountMinor: 500 }] } });
    expect(await command(id, 'refund', { body: { amountMinor: 500 }, headers })).toEqual(part);
    expect(await command(id, 'refund', { body: { amountMinor: 501 }, headers })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    // The id is that of the key also when nobody remembers what was answered.
    await system.orderDatabase.pool.query('DELETE FROM idempotency_keys');
    expect((await command(id, 'refund', { body: { amountMinor: 500 }, headers })).body).toEqual(part.body);
  });

  test('of a part without an id is refused, because a repetition would refund twice', async () => {
    expect(await command(await place(), 'refund', { body: { amountMinor: 500 } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'refundId', message: expect.stringContaining('repetition') }] },
    });
  });

  test('of an order that was not paid names the states in which it is possible', async () => {
    expect(await command(await place(), 'refund')).toMatchObject({
      status: 409,
      body: { code: 'ORDER_STATE_CONFLICT', allowed: ['paid', 'completed', 'fulfilled'] },
    });
  });
});

describe('fulfilling', () => {
  test('finishes a completed order, and finds it finished the second time', async () => {
    const id = await place();
    await pretend(id, 'completed', 1_999);
    const first = await command(id, 'fulfil');
    expect(first).toMatchObject({ status: 200, body: { status: 'fulfilled', version: 2 } });
    expect(await command(id, 'fulfil')).toEqual(first);
    expect(await announcedAbout(id)).toHaveLength(1);
  });

  test('is refused for an order under way', async () => {
    expect(await command(await place(), 'fulfil')).toMatchObject({
      status: 409,
      body: { allowed: ['completed'] },
    });
  });
});

describe.each(['cancel', 'pay', 'refund', 'fulfil'])('%s', (name) => {
  /** An order to which the command may be done. */
  async function ready(): Promise<string> {
    const id = await place({ payment: 'manual' });
    if (name === 'refund' || name === 'fulfil') await pretend(id, 'completed', 1_999);
    return id;
  }

  test('with the current version goes through, with another one it is 412 and nothing changes', async () => {
    const id = await ready();
    const { version } = await orders.get(id);
    for (const stale of [`"${version + 1}"`, `W/"${version}"`]) {
      expect(await command(id, name, { headers: { 'if-match': stale } })).toMatchObject({
        status: 412,
        body: { code: 'PRECONDITION_FAILED' },
      });
    }
    expect(await orders.get(id)).toMatchObject({ version });
    const matching = { 'if-match': `"77", "${version}"` };
    expect((await command(id, name, { headers: matching })).etag).toBe(`"${version + 1}"`);
  });

  test('of nothing is 404, with an unreadable If-Match or id 400', async () => {
    expect(await command(newId(), name)).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
    expect(await command('rubbish', name)).toMatchObject({ status: 400 });
    expect(await command(await ready(), name, { headers: { 'if-match': '3' } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'If-Match' }] },
    });
  });
});
