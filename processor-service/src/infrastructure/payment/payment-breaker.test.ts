import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { AppError, type ErrorCode } from '#shared/kernel/errors.ts';
import { createLogger } from '#shared/observability/logger.ts';
import type { ChargeOutcome, PaymentGateway } from '../../application/ports/payment-gateway.ts';
import { createPaymentBreaker, type PaymentBreaker } from './payment-breaker.ts';

const failures = 3;
const openMs = 5_000;
const captured: ChargeOutcome = { outcome: 'captured', paymentId: 'pay_1' };
const broken = { code: 'PAYMENT_UNAVAILABLE', kind: 'unavailable' };

const failure = (code: ErrorCode): AppError =>
  new AppError({ code, kind: code === 'PAYMENT_PROTOCOL_ERROR' ? 'permanent' : 'transient', message: 'no' });

/** What the provider does with every call from now on. */
let answer: () => Promise<ChargeOutcome>;
/** The calls that reached it. */
let calls: string[];
/** What whoever brings work was told. */
let told: string[];
let breaker: PaymentBreaker;

const answers = (outcome: ChargeOutcome) => async () => outcome;
const fails = (code: ErrorCode) => async () => {
  throw failure(code);
};

beforeEach(() => {
  jest.useFakeTimers();
  calls = [];
  told = [];
  const reach = (call: string) => {
    calls.push(call);
    return answer();
  };
  const gateway: PaymentGateway = {
    charge: ({ key }) => reach(`charge ${key}`),
    lookup: ({ key }) => reach(`lookup ${key}`),
    cancel: async ({ key }) => void (await reach(`cancel ${key}`)),
    refund: async ({ key }) => void (await reach(`refund ${key}`)),
  };
  breaker = createPaymentBreaker({
    gateway,
    failures,
    openMs,
    onOpen: () => told.push('open'),
    onRetry: () => told.push('retry'),
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterEach(() => {
  jest.useRealTimers();
});

const charge = (key = 'k') => breaker.charge({ key, orderId: 'o', amountMinor: 1, currency: 'EUR' });
/** What comes of a call: its outcome, or the error that it throws. */
const endOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

async function fail(times: number, code: ErrorCode = 'PAYMENT_OUTCOME_UNKNOWN'): Promise<void> {
  answer = fails(code);
  for (let time = 0; time < times; time += 1) expect(await endOf(charge())).toMatchObject({ code });
}

test('every call reaches the provider, and its answer the caller, while the circuit is closed', async () => {
  answer = answers(captured);
  expect(await charge('a')).toEqual(captured);
  expect(await breaker.lookup({ key: 'b' })).toEqual(captured);
  await breaker.cancel({ key: 'c' });
  await breaker.refund({ paymentId: 'p', key: 'd', amountMinor: 1 });
  expect(calls).toEqual(['charge a', 'lookup b', 'cancel c', 'refund d']);
  expect(breaker.circuit()).toBe('closed');
});

describe('the circuit opens', () => {
  test.each(['PAYMENT_UNAVAILABLE', 'PAYMENT_OUTCOME_UNKNOWN'] as const)(
    'after so many %s in a row, and then nothing is sent',
    async (code) => {
      await fail(failures, code);
      expect(breaker.circuit()).toBe('open');
      expect(told).toEqual(['open']);
      const sent = calls.length;
      expect(await endOf(charge())).toMatchObject(broken);
      expect(await endOf(breaker.lookup({ key: 'k' }))).toMatchObject(broken);
      expect(await endOf(breaker.cancel({ key: 'k' }))).toMatchObject(broken);
      expect(await endOf(breaker.refund({ paymentId: 'p', key: 'r', amountMinor: 1 }))).toMatchObject(broken);
      expect(calls).toHaveLength(sent);
    },
  );

  test('whatever was asked for: a provider that answers nothing is away for all', async () => {
    answer = fails('PAYMENT_OUTCOME_UNKNOWN');
    await endOf(charge());
    await endOf(breaker.lookup({ key: 'k' }));
    expect(breaker.circuit()).toBe('closed');
    await endOf(breaker.cancel({ key: 'k' }));
    expect(breaker.circuit()).toBe('open');
  });

  test('by a call whose order is not to blame, and which therefore costs it no attempt', async () => {
    await fail(failures - 1);
    expect(await endOf(charge())).toMatchObject({ code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'unavailable' });
  });

  test('although the look-ups that follow the failed charges are answered', async () => {
    for (let time = 1; time <= failures; time += 1) {
      expect(breaker.circuit()).toBe('closed');
      await fail(1);
      answer = answers(captured);
      await endOf(breaker.lookup({ key: 'k' }));
    }
    expect(breaker.circuit()).toBe('open');
  });

  test('once, however many calls under way fail after it', async () => {
    const late = Promise.withResolvers<ChargeOutcome>();
    answer = () => late.promise;
    const many = Array.from({ length: 20 }, () => endOf(charge()));
    late.reject(failure('PAYMENT_OUTCOME_UNKNOWN'));
    await Promise.all(many);
    expect(told).toEqual(['open']);
  });
});

describe('the circuit stays closed', () => {
  test.each<[string, () => Promise<ChargeOutcome>]>([
    ['a capture', answers(captured)],
    ['a decline', answers({ outcome: 'declined', reason: 'stolen_card' })],
    ['a refusal', fails('PAYMENT_PROTOCOL_ERROR')],
  ])('where %s comes between the failures: the provider answers', async (_what, clear) => {
    await fail(failures - 1);
    answer = clear;
    await endOf(charge());
    await fail(failures - 1);
    expect(breaker.circuit()).toBe('closed');
    await fail(1);
    expect(breaker.circuit()).toBe('open');
  });

  test('while the provider says that it has not decided yet', async () => {
    const data = { status: 409, providerCode: 'PROCESSING', answered: true };
    const undecided = { code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'transient', message: 'wait', data } as const;
    answer = async () => {
      throw new AppError(undecided);
    };
    for (let time = 0; time < failures * 2; time += 1) {
      await endOf(charge());
      await endOf(breaker.lookup({ key: 'k' }));
    }
    expect(breaker.circuit()).toBe('closed');
  });

  test('over refusals, however many', async () => {
    await fail(failures * 10, 'PAYMENT_PROTOCOL_ERROR');
    expect(breaker.circuit()).toBe('closed');
    expect(calls).toHaveLength(failures * 10);
  });
});

describe('when it has been open long enough', () => {
  let probe: PromiseWithResolvers<ChargeOutcome>;
  let waiting: Promise<unknown>[];

  beforeEach(async () => {
    await fail(failures);
    jest.advanceTimersByTime(openMs - 1);
    expect(await endOf(charge('too early'))).toMatchObject(broken);
    expect(told).toEqual(['open']);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['open', 'retry']);
    calls = [];
    told = [];
    probe = Promise.withResolvers();
    answer = () => probe.promise;
    waiting = ['first', 'second', 'third'].map((key) => endOf(charge(key)));
  });

  test('one call probes, and the others wait for what it finds', () => {
    expect(calls).toEqual(['charge first']);
    expect(breaker.circuit()).toBe('half-open');
  });

  test.each<[string, (probe: PromiseWithResolvers<ChargeOutcome>) => void, object]>([
    ['an answer', ({ resolve }) => resolve(captured), captured],
    [
      'a refusal',
      ({ reject }) => reject(failure('PAYMENT_PROTOCOL_ERROR')),
      { code: 'PAYMENT_PROTOCOL_ERROR' },
    ],
  ])('%s closes it, and those that waited go through', async (_what, end, expected) => {
    end(probe);
    expect(await waiting[0]).toMatchObject(expected);
    answer = answers(captured);
    await Promise.all(waiting);
    expect(breaker.circuit()).toBe('closed');
    expect(calls).toEqual(['charge first', 'charge second', 'charge third']);
    expect(told.at(-1)).toBe('retry');
    await fail(failures - 1);
    expect(breaker.circuit()).toBe('closed');
  });

  test('an answered look-up closes it, too: one order whose charges always fail does not keep it open', async () => {
    probe.reject(failure('PAYMENT_OUTCOME_UNKNOWN'));
    await Promise.all(waiting);
    jest.advanceTimersByTime(openMs);
    answer = answers(captured);
    await breaker.lookup({ key: 'k' });
    answer = fails('PAYMENT_OUTCOME_UNKNOWN');
    expect(await endOf(charge())).toMatchObject({ kind: 'transient' });
    expect(breaker.circuit()).toBe('closed');
  });

  test('a failure opens it again for as long, and those that waited are not sent', async () => {
    probe.reject(failure('PAYMENT_OUTCOME_UNKNOWN'));
    const [first, ...others] = await Promise.all(waiting);
    expect(first).toMatchObject({ code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'unavailable' });
    expect(others).toMatchObject([broken, broken]);
    expect(calls).toEqual(['charge first']);
    expect(breaker.circuit()).toBe('open');
    expect(told.at(-1)).toBe('open');
    jest.advanceTimersByTime(openMs);
    expect(told.at(-1)).toBe('retry');
    answer = answers(captured);
    expect(await charge()).toEqual(captured);
    expect(breaker.circuit()).toBe('closed');
  });
});
