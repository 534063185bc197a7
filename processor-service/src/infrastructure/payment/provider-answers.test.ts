import { describe, expect, test } from '@jest/globals';
import { readCancel, readCharge, readLookup, readRefund } from './provider-answers.ts';

const answer = (status: number, body: unknown) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const problem = (status: number, code: string, more = {}) => answer(status, { status, code, ...more });
const keyState = (status: string, payment: object | null = { id: 'pay_1' }) =>
  answer(200, { key: 'k', status, payment });

const unknown = { code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'transient' };
const unavailable = { code: 'PAYMENT_UNAVAILABLE', kind: 'transient' };
const refused = { code: 'PAYMENT_PROTOCOL_ERROR', kind: 'permanent' };

/** What the reader throws for this answer. */
function failure(read: () => unknown): unknown {
  try {
    return { returned: read() };
  } catch (error) {
    return error;
  }
}

describe('the answer to a charge', () => {
  test('is captured only when it says so and names the payment', () => {
    const captured = answer(201, { id: 'pay_1', status: 'captured', more: 'than we know' });
    expect(readCharge(captured)).toEqual({ outcome: 'captured', paymentId: 'pay_1' });
  });

  test('is declined with the reason of the provider, or without one', () => {
    expect(readCharge(problem(402, 'PAYMENT_DECLINED', { reason: 'stolen_card' }))).toEqual({
      outcome: 'declined',
      reason: 'stolen_card',
    });
    const withoutReason = { outcome: 'declined', reason: 'declined' };
    expect(readCharge(problem(402, 'PAYMENT_DECLINED'))).toEqual(withoutReason);
    // Which no column could hold.
    expect(readCharge(problem(402, 'PAYMENT_DECLINED', { reason: '\u0000' }))).toEqual(withoutReason);
  });

  test.each([
    ['a 201 that is not JSON', answer(201, '<html>ok</html>'), unknown],
    ['a 201 without a payment id', answer(201, { status: 'captured' }), unknown],
    ['a 201 with an id that cannot be kept', answer(201, { id: '\u0000', status: 'captured' }), unknown],
    ['a 201 that only authorised', answer(201, { id: 'pay_1', status: 'authorized' }), unknown],
    ['a 200', answer(200, {}), unknown],
    ['a 202', answer(202, {}), unknown],
    ['a redirect', answer(302, ''), unknown],
    ['a request timeout', answer(408, ''), unknown],
    ['a key in flight', problem(409, 'KEY_IN_FLIGHT'), unknown],
    ['an error of the provider', problem(500, 'INTERNAL_ERROR'), unknown],
    ['a bad gateway', answer(502, '<html>'), unknown],
    ['a provider that is shutting down', answer(503, ''), unknown],
    ['a gateway timeout', answer(504, ''), unknown],
    ['too many requests', problem(429, 'RATE_LIMITED'), unavailable],
    ['a bad request', problem(400, 'VALIDATION_FAILED'), refused],
    ['missing credentials', answer(401, ''), refused],
    ['a 402 that is no decline', answer(402, 'pay your proxy'), refused],
    ['a wrong address', answer(404, ''), refused],
    ['a cancelled key', problem(410, 'KEY_CANCELLED'), refused],
    ['a reused key', problem(422, 'KEY_REUSED'), refused],
  ])('fails for %s', (_name, given, expected) => {
    expect(failure(() => readCharge(given))).toMatchObject(expected);
  });

  test('leaves its status and code, and nothing else, in the error', () => {
    const given = problem(422, 'KEY_REUSED', { detail: 'with a secret' });
    const error = failure(() => readCharge(given)) as Error & { data: unknown };
    expect(error.data).toEqual({ status: 422, providerCode: 'KEY_REUSED', answered: false });
    expect(error.message).not.toContain('secret');
  });
});

describe('the answer to a look-up', () => {
  test.each([
    ['captured', { outcome: 'captured', paymentId: 'pay_1' }],
    ['partially_refunded', { outcome: 'captured', paymentId: 'pay_1' }],
    ['refunded', { outcome: 'cancelled' }],
    ['voided', { outcome: 'cancelled' }],
    ['cancelled', { outcome: 'cancelled' }],
  ])('%s is understood', (status, outcome) => {
    expect(readLookup(keyState(status))).toEqual(outcome);
  });

  test('understands a decline, a cancelled key that never had a payment, and an unknown key', () => {
    const declined = keyState('declined', { id: 'pay_1', reason: 'stolen_card' });
    expect(readLookup(declined)).toEqual({ outcome: 'declined', reason: 'stolen_card' });
    expect(readLookup(keyState('cancelled', null))).toEqual({ outcome: 'cancelled' });
    expect(readLookup(problem(404, 'KEY_UNKNOWN'))).toEqual({ outcome: 'absent' });
  });

  test.each([
    ['a charge that is being worked on', keyState('processing', null), unknown],
    ['a charge that is only authorised', keyState('authorized'), unknown],
    ['a capture without a payment', keyState('captured', null), unknown],
    ['a status that nobody has heard of', keyState('evaporated'), unknown],
    ['a 404 from a wrong address', problem(404, 'NOT_FOUND'), refused],
    ['a 404 from a proxy', answer(404, '<html>'), refused],
    ['an error of the provider', answer(500, ''), unknown],
  ])('fails for %s', (_name, given, expected) => {
    expect(failure(() => readLookup(given))).toMatchObject(expected);
  });
});

describe('the answer to a cancellation', () => {
  test.each(['cancelled', 'declined'])('%s is the end of it', (status) => {
    expect(readCancel(keyState(status, null))).toBeUndefined();
  });

  test.each([
    ['money that is still there', keyState('captured'), unknown],
    ['a 204', answer(204, ''), unknown],
    ['a provider that gives no money back', problem(409, 'COMPENSATION_DECLINED'), refused],
    ['another conflict', problem(409, 'KEY_IN_FLIGHT'), unknown],
    ['an error of the provider', answer(500, ''), unknown],
  ])('fails for %s', (_name, given, expected) => {
    expect(failure(() => readCancel(given))).toMatchObject(expected);
  });
});

describe('the answer to a refund', () => {
  test('is done only when it says so and names the refund', () => {
    const refunded = answer(201, { id: 'ref_1', amountMinor: 500, more: 'than we know' });
    expect(readRefund(refunded)).toBeUndefined();
  });

  test.each([
    ['a 201 that is not JSON', answer(201, '<html>ok</html>'), unknown],
    ['a 201 without a refund id', answer(201, { amountMinor: 500 }), unknown],
    ['a 202', answer(202, {}), unknown],
    ['an error of the provider', problem(500, 'INTERNAL_ERROR'), unknown],
    ['too many requests', problem(429, 'RATE_LIMITED'), unavailable],
    ['more than is left', problem(422, 'AMOUNT_TOO_LARGE', { leftMinor: 1 }), refused],
    ['a key that belongs to another refund', problem(422, 'KEY_REUSED'), refused],
    ['a payment that never was', problem(404, 'PAYMENT_NOT_FOUND'), refused],
    ['a payment of which nothing is left', problem(409, 'ILLEGAL_STATE'), refused],
    ['a provider that gives no money back', problem(409, 'COMPENSATION_DECLINED'), refused],
    ['another conflict', problem(409, 'KEY_IN_FLIGHT'), unknown],
  ])('fails for %s', (_name, given, expected) => {
    expect(failure(() => readRefund(given))).toMatchObject(expected);
  });
});
