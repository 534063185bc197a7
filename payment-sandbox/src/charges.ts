import { randomUUID } from 'node:crypto';
import type { ChargeRequest, KeyState, Payment } from './contract.ts';
import type { Ledger } from './ledger.ts';
import { asFirstAnswered, entryOn, heldMinor } from './payment.ts';
import { type Kept, newRefundId } from './payments.ts';
import { compensationDeclined, Refusal } from './refusal.ts';

/**
 * What happens under the merchant's idempotency keys. Every decision is made and recorded in one turn of the event
 * loop, so that no two requests decide over the same state; an answer may leave only after `ledger.durable()`.
 */
export interface Charges {
  /**
   * Charges once per key; `decline` refuses it with that reason instead.
   * @throws {Refusal} PAYMENT_DECLINED, KEY_REUSED, KEY_IN_FLIGHT, KEY_CANCELLED
   */
  charge(key: string, request: ChargeRequest, decline?: string): Kept<Payment>;
  /** The same, but the key is in flight until `wait` is over; a key that was cancelled meanwhile is not charged. */
  chargeAfter(
    wait: () => Promise<void>,
    key: string,
    request: ChargeRequest,
    decline?: string,
  ): Promise<Kept<Payment>>;
  /** Whether a charge with this key has been decided or forbidden already. */
  isSettled(key: string): boolean;
  /** The total of the payment made with this key, in minor units. */
  amountUnder(key: string): number | undefined;
  /** @throws {Refusal} KEY_UNKNOWN */
  byKey(key: string): KeyState;
  /**
   * Makes sure that the key holds no money and never will: voids, refunds, or forbids a charge that is still to come.
   * Does nothing the second time, or after a decline. @throws {Refusal} COMPENSATION_DECLINED
   */
  cancel(key: string, decline?: string): KeyState;
}

export function createCharges({ ledger }: { ledger: Ledger }): Charges {
  const inFlight = new Map<string, ChargeRequest>();

  /** The answer that this key got before; undefined if it is new. */
  const stored = (key: string, request: ChargeRequest): Kept<Payment> | undefined => {
    const payment = ledger.paymentByKey(key);
    const earlier = payment ?? inFlight.get(key);
    if (earlier !== undefined && !sameCharge(earlier, request)) {
      throw new Refusal('KEY_REUSED', `Key ${key} was used for a different payment.`);
    }
    if (ledger.isCancelled(key)) throw keyCancelled(key);
    if (payment !== undefined) return answerAgain(payment);
    if (earlier === undefined) return undefined;
    throw new Refusal('KEY_IN_FLIGHT', `A request with key ${key} is still being worked on.`);
  };

  const stateOf = (key: string): KeyState | undefined => {
    const payment = ledger.paymentByKey(key) ?? null;
    if (ledger.isCancelled(key)) return { key, status: 'cancelled', payment };
    if (payment !== null) return { key, status: payment.status, payment };
    return inFlight.has(key) ? { key, status: 'processing', payment } : undefined;
  };

  return {
    charge: (key, request, decline) => stored(key, request) ?? decide(ledger, key, request, decline),

    async chargeAfter(wait, key, request, decline) {
      const earlier = stored(key, request);
      if (earlier !== undefined) return earlier;
      inFlight.set(key, request);
      try {
        await wait();
        if (ledger.isCancelled(key)) throw keyCancelled(key);
        return decide(ledger, key, request, decline);
      } finally {
        inFlight.delete(key);
      }
    },

    isSettled: (key) => ledger.isCancelled(key) || ledger.paymentByKey(key) !== undefined,

    amountUnder: (key) => ledger.paymentByKey(key)?.amountMinor,

    byKey(key) {
      const state = stateOf(key);
      if (state === undefined) throw new Refusal('KEY_UNKNOWN', `No payment was ever made with key ${key}.`);
      return state;
    },

    cancel(key, decline) {
      const payment = ledger.paymentByKey(key);
      if (payment === undefined) {
        if (!ledger.isCancelled(key)) forbid(ledger, key);
      } else if (payment.status !== 'declined' && payment.status !== 'cancelled') {
        giveBack(ledger, payment, decline);
      }
      return stateOf(key) as KeyState;
    },
  };
}

function decide(
  ledger: Ledger,
  key: string,
  request: ChargeRequest,
  decline: string | undefined,
): Kept<Payment> {
  const { reference, amountMinor, currency, capture } = request;
  const about = { paymentId: `pay_${randomUUID()}`, key, reference, amountMinor, currency };
  if (decline === undefined) ledger.record({ kind: capture ? 'captured' : 'authorized', ...about });
  else ledger.record({ kind: 'declined', ...about, capture, reason: decline });
  const payment = ledger.payment(about.paymentId) as Payment;
  if (decline !== undefined) throw declined(payment, false);
  return { value: payment, replayed: false };
}

/** What was answered then, even if it has been refunded since; a look-up tells how it stands now. */
function answerAgain(payment: Payment): Kept<Payment> {
  if (payment.status === 'declined') throw declined(payment, true);
  return { value: asFirstAnswered(payment), replayed: true };
}

/** Leaves a tombstone: the charge may still be under way, and must find the door closed. */
function forbid(ledger: Ledger, key: string): void {
  ledger.record({
    kind: 'cancelled',
    paymentId: null,
    key,
    reference: null,
    amountMinor: 0,
    currency: null,
  });
}

function giveBack(ledger: Ledger, payment: Payment, decline: string | undefined): void {
  const held = heldMinor(payment);
  const authorized = payment.status === 'authorized';
  if (decline !== undefined && (authorized || held > 0)) throw compensationDeclined(decline);
  if (authorized) ledger.record(entryOn(payment, 'voided', payment.amountMinor));
  else if (held > 0) ledger.record(entryOn(payment, 'refunded', held, { refundId: newRefundId() }));
  ledger.record(entryOn(payment, 'cancelled', 0));
}

function sameCharge(a: ChargeRequest, b: ChargeRequest): boolean {
  return (
    a.reference === b.reference &&
    a.amountMinor === b.amountMinor &&
    a.currency === b.currency &&
    a.capture === b.capture
  );
}

const keyCancelled = (key: string): Refusal =>
  new Refusal('KEY_CANCELLED', `Key ${key} was cancelled; nothing can be charged with it any more.`);

const declined = (payment: Payment, replayed: boolean): Refusal =>
  new Refusal(
    'PAYMENT_DECLINED',
    `The payment was declined: ${payment.reason}.`,
    { reason: payment.reason, payment },
    replayed,
  );
