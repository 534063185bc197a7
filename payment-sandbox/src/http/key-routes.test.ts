import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { keyStateSchema, paymentSchema } from '../contract.ts';
import { type RunningSandbox, startSandbox } from '../testing/running-sandbox.ts';

let sandbox: RunningSandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.stop());

describe('POST /payments', () => {
  test('captures the money and says where the payment is', async () => {
    const { status, headers, body } = await sandbox.charge('k');
    expect(status).toBe(201);
    expect(paymentSchema.strict().parse(body)).toMatchObject({ status: 'captured', capturedMinor: 1200 });
    expect(await sandbox.call('GET', headers.get('location') as string)).toMatchObject({ status: 200, body });
    expect(await sandbox.entries()).toEqual(['captured k 1200']);
  });

  test('only authorises when told so', async () => {
    const { body } = await sandbox.charge('k', { capture: false });
    expect(body).toMatchObject({ status: 'authorized', capturedMinor: 0 });
    expect(await sandbox.entries()).toEqual(['authorized k 1200']);
  });

  test('answers a repetition with the first answer and charges once', async () => {
    const first = await sandbox.charge('k');
    const again = await sandbox.charge('k');
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await sandbox.entries()).toEqual(['captured k 1200']);
  });

  test('repeats the first answer even after a refund', async () => {
    const first = await sandbox.charge('k');
    await sandbox.call('POST', `/payments/${first.body.id}/refunds`, {}, { 'idempotency-key': 'r' });
    expect(await sandbox.charge('k')).toMatchObject({ status: 201, body: first.body });
    expect(await sandbox.call('GET', '/payments/by-key/k')).toMatchObject({ body: { status: 'refunded' } });
  });

  test('repeats a decline, also when the magic that caused it is gone', async () => {
    const first = await sandbox.charge('k', {}, { scenario: 'declined_stolen_card' });
    expect(first).toMatchObject({ status: 402, body: { code: 'PAYMENT_DECLINED', reason: 'stolen_card' } });
    const again = await sandbox.charge('k');
    expect(again).toMatchObject({ status: 402, body: first.body });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await sandbox.entries()).toEqual(['declined k 1200']);
  });

  test.each([{ amountMinor: 1201 }, { currency: 'USD' }, { reference: 'order-2' }, { capture: false }])(
    'refuses the key for a payment with %j',
    async (change) => {
      await sandbox.charge('k');
      expect(await sandbox.charge('k', change)).toMatchObject({ status: 422, body: { code: 'KEY_REUSED' } });
      expect(await sandbox.entries()).toEqual(['captured k 1200']);
    },
  );

  test('charges once when twenty requests with one key arrive together', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => sandbox.charge('k')));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect(replies.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect(await sandbox.entries()).toEqual(['captured k 1200']);
  });

  test('tells apart as many keys as there are', async () => {
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key) => sandbox.charge(key)));
    expect((await sandbox.entries()).toSorted()).toEqual(
      keys.map((key) => `captured ${key} 1200`).toSorted(),
    );
  });

  test.each([
    [{ amountMinor: 0 }, 'body.amountMinor'],
    [{ amountMinor: 10.5 }, 'body.amountMinor'],
    [{ currency: 'eur' }, 'body.currency'],
    [{ reference: '' }, 'body.reference'],
  ])('refuses %j and names the field', async (change, field) => {
    const reply = await sandbox.charge('k', change);
    expect(reply).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } });
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(await sandbox.entries()).toEqual([]);
  });

  test('refuses a charge without an idempotency key', async () => {
    const payment = { reference: 'order-1', amountMinor: 1200, currency: 'EUR' };
    expect(await sandbox.call('POST', '/payments', payment)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'headers.idempotency-key' }] },
    });
  });

  test('refuses a body that is not JSON', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
    const response = await fetch(`${sandbox.url}/payments`, { method: 'POST', headers, body: '{"amount' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('GET /payments/by-key/{key}', () => {
  test('does not know a key that never arrived', async () => {
    const reply = await sandbox.call('GET', '/payments/by-key/k');
    expect(reply).toMatchObject({ status: 404, body: { code: 'KEY_UNKNOWN' } });
  });

  test('finds what became of a key, whatever characters and length it has', async () => {
    const key = `order/1:charge ü${'x'.repeat(230)}`;
    const bytes = Buffer.from(key).toString('latin1'); // header values travel as latin1
    await sandbox.charge(bytes);
    const { status, body } = await sandbox.call('GET', `/payments/by-key/${encodeURIComponent(bytes)}`);
    expect(status).toBe(200);
    expect(keyStateSchema.strict().parse(body)).toMatchObject({
      status: 'captured',
      payment: { key: bytes },
    });
  });
});

describe('POST /payments/by-key/{key}/cancel', () => {
  const cancel = () => sandbox.call('POST', '/payments/by-key/k/cancel');
  const cancelled = { status: 200, body: { key: 'k', status: 'cancelled' } };
  const refused = { status: 410, body: { code: 'KEY_CANCELLED' } };

  test('refunds what was captured and refuses the key from then on', async () => {
    await sandbox.charge('k');
    const reply = await cancel();
    expect(reply).toMatchObject(cancelled);
    keyStateSchema.strict().parse(reply.body);
    expect(await sandbox.charge('k')).toMatchObject(refused);
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 1200', 'cancelled k 0']);
  });

  test('refunds only what is left', async () => {
    const { body } = await sandbox.charge('k');
    await sandbox.call(
      'POST',
      `/payments/${body.id}/refunds`,
      { amountMinor: 200 },
      { 'idempotency-key': 'r' },
    );
    await cancel();
    expect((await sandbox.entries()).slice(1)).toEqual([
      'refunded k 200',
      'refunded k 1000',
      'cancelled k 0',
    ]);
  });

  test('voids what was only authorised', async () => {
    await sandbox.charge('k', { capture: false });
    expect(await cancel()).toMatchObject(cancelled);
    expect(await sandbox.entries()).toEqual(['authorized k 1200', 'voided k 1200', 'cancelled k 0']);
  });

  test('refuses a charge that comes after it', async () => {
    expect(await cancel()).toMatchObject(cancelled);
    expect(await sandbox.charge('k')).toMatchObject(refused);
    expect(await cancel()).toMatchObject(cancelled);
    expect(await sandbox.call('GET', '/payments/by-key/k')).toMatchObject(cancelled);
    expect(await sandbox.entries()).toEqual(['cancelled k 0']);
  });

  test('does its work once, however often and however concurrently it is asked', async () => {
    await sandbox.charge('k');
    const replies = await Promise.all(Array.from({ length: 10 }, cancel));
    for (const reply of replies) expect(reply).toMatchObject(cancelled);
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 1200', 'cancelled k 0']);
  });

  test('leaves a declined key as it is: it will never hold money anyway', async () => {
    await sandbox.charge('k', { amountMinor: 666402 });
    expect(await cancel()).toMatchObject({ status: 200, body: { status: 'declined' } });
    expect(await sandbox.entries()).toEqual(['declined k 666402']);
  });

  test('and a charge that race each other never leave money behind', async () => {
    const keys = Array.from({ length: 30 }, (_, n) => `k${n}`);
    const race = (key: string, n: number) => {
      const calls = [() => sandbox.charge(key), () => sandbox.call('POST', `/payments/by-key/${key}/cancel`)];
      return Promise.all((n % 2 ? calls : calls.reverse()).map((start) => start()));
    };
    await Promise.all(keys.map(race));
    const { body } = await sandbox.call('GET', '/ledger/summary');
    const net = (body.currencies as { netMinor: number }[]).map(({ netMinor }) => netMinor);
    expect(net.filter((minor) => minor !== 0)).toEqual([]);
    for (const key of keys) expect(await sandbox.charge(key)).toMatchObject({ status: 410 });
  });
});
