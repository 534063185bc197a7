import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { paymentSchema, refundSchema } from '../contract.ts';
import { type RunningSandbox, startSandbox } from '../testing/running-sandbox.ts';

let sandbox: RunningSandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.stop());

const refund = (id: unknown, key: string, body: object = {}) =>
  sandbox.call('POST', `/payments/${id}/refunds`, body, { 'idempotency-key': key });

describe('an authorised payment', () => {
  let id: unknown;
  beforeEach(async () => {
    id = (await sandbox.charge('k', { capture: false })).body.id;
  });

  test('can be captured, once', async () => {
    const { status, body } = await sandbox.call('POST', `/payments/${id}/capture`);
    expect(status).toBe(200);
    expect(paymentSchema.strict().parse(body)).toMatchObject({ status: 'captured', capturedMinor: 1200 });
    expect(await sandbox.call('POST', `/payments/${id}/capture`)).toMatchObject({ status: 200, body });
    expect(await sandbox.entries()).toEqual(['authorized k 1200', 'captured k 1200']);
  });

  test('can be voided, once, and not captured after that', async () => {
    expect(await sandbox.call('POST', `/payments/${id}/void`)).toMatchObject({ body: { status: 'voided' } });
    expect(await sandbox.call('POST', `/payments/${id}/void`)).toMatchObject({ status: 200 });
    expect(await sandbox.call('POST', `/payments/${id}/capture`)).toMatchObject({
      status: 409,
      body: { code: 'ILLEGAL_STATE', status: 'voided', allowed: ['authorized'] },
    });
    expect(await sandbox.entries()).toEqual(['authorized k 1200', 'voided k 1200']);
  });

  test('cannot be refunded', async () => {
    expect(await refund(id, 'r')).toMatchObject({ status: 409, body: { code: 'ILLEGAL_STATE' } });
  });
});

describe('a captured payment', () => {
  let id: unknown;
  beforeEach(async () => {
    id = (await sandbox.charge('k')).body.id;
  });

  test('is refunded in full when no amount is given', async () => {
    const { status, body } = await refund(id, 'r');
    expect(status).toBe(201);
    expect(refundSchema.strict().parse(body)).toMatchObject({ paymentId: id, amountMinor: 1200 });
    expect(await sandbox.call('GET', `/payments/${id}`)).toMatchObject({ body: { status: 'refunded' } });
  });

  test('is refunded in parts, up to what was captured', async () => {
    expect(await refund(id, 'r1', { amountMinor: 500 })).toMatchObject({ status: 201 });
    expect(await sandbox.call('GET', `/payments/${id}`)).toMatchObject({
      body: { status: 'partially_refunded', refundedMinor: 500 },
    });
    expect(await refund(id, 'r2', { amountMinor: 701 })).toMatchObject({
      status: 422,
      body: { code: 'AMOUNT_TOO_LARGE', leftMinor: 700 },
    });
    expect(await refund(id, 'r3', { amountMinor: 700 })).toMatchObject({ status: 201 });
    expect(await refund(id, 'r4', { amountMinor: 1 })).toMatchObject({ status: 409 });
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500', 'refunded k 700']);
  });

  test('is refunded once per key', async () => {
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => refund(id, 'r', { amountMinor: 100 })),
    );
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect(replies.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 100']);
  });

  test('is not refunded with a key that belongs to another refund', async () => {
    await refund(id, 'r', { amountMinor: 100 });
    expect(await refund(id, 'r', { amountMinor: 101 })).toMatchObject({
      status: 422,
      body: { code: 'KEY_REUSED' },
    });
    const { body } = await sandbox.charge('k2');
    expect(await refund(body.id, 'r', { amountMinor: 100 })).toMatchObject({ status: 422 });
  });

  test('is never refunded beyond what was captured, however many refunds race', async () => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => refund(id, `r${n}`, { amountMinor: 500 })));
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500', 'refunded k 500']);
  });

  test('cannot be voided', async () => {
    expect(await sandbox.call('POST', `/payments/${id}/void`)).toMatchObject({ status: 409 });
  });
});

test.each([
  ['GET', '/payments/pay_x'],
  ['POST', '/payments/pay_x/capture'],
  ['POST', '/payments/pay_x/void'],
])('%s %s is a 404 for a payment that never was', async (method, path) => {
  expect(await sandbox.call(method, path)).toMatchObject({
    status: 404,
    body: { code: 'PAYMENT_NOT_FOUND' },
  });
});
