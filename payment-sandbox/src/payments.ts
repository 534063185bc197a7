import { randomUUID } from 'node:crypto';
import type { LedgerEntry, Payment, PaymentStatus, Refund } from './contract.ts';
import type { Ledger } from './ledger.ts';
import { entryOn, heldMinor } from './payment.ts';
import { compensationDeclined, Refusal } from './refusal.ts';

/** What came out of a request with an idempotency key, and whether it is the stored answer to an earlier one. */
export interface Kept<T> {
  value: T;
  replayed: boolean;
}

/** What can be done with a payment that was made. Every method but `refund` may be repeated without a key. */
export interface Payments {
  /** @throws {Refusal} PAYMENT_NOT_FOUND */
  byId(id: string): Payment;
  /** Takes the authorised money. @throws {Refusal} PAYMENT_NOT_FOUND, ILLEGAL_STATE */
  capture(id: string): Payment;
  /** Lets go of authorised money. @throws {Refusal} PAYMENT_NOT_FOUND, ILLEGAL_STATE, COMPENSATION_DECLINED */
  void(id: string, decline?: string): Payment;
  /**
   * Gives captured money back, a part of it or (without an amount) all that is left, once per key.
   * @throws {Refusal} PAYMENT_NOT_FOUND, ILLEGAL_STATE, AMOUNT_TOO_LARGE, KEY_REUSED, COMPENSATION_DECLINED
   */
  refund(
    id: string,
    refund: { key: string; amountMinor?: number | undefined },
    decline?: string,
  ): Kept<Refund>;
}

export function createPayments({ ledger }: { ledger: Ledger }): Payments {
  const byId = (id: string): Payment => {
    const payment = ledger.payment(id);
    if (payment === undefined) throw new Refusal('PAYMENT_NOT_FOUND', `There is no payment ${id}.`);
    return payment;
  };

  return {
    byId,

    capture(id) {
      const payment = byId(id);
      if (payment.status === 'captured') return payment;
      if (payment.status !== 'authorized') throw illegal('captured', payment, ['authorized']);
      ledger.record(entryOn(payment, 'captured', payment.amountMinor));
      return byId(id);
    },

    void(id, decline) {
      const payment = byId(id);
      if (payment.status === 'voided') return payment;
      if (payment.status !== 'authorized') throw illegal('voided', payment, ['authorized']);
      if (decline !== undefined) throw compensationDeclined(decline);
      ledger.record(entryOn(payment, 'voided', payment.amountMinor));
      return byId(id);
    },

    refund(id, { key, amountMinor }, decline) {
      const payment = byId(id);
      const earlier = ledger.refundByKey(key);
      if (earlier !== undefined) {
        const same =
          earlier.paymentId === id && (amountMinor === undefined || amountMinor === earlier.amountMinor);
        if (!same) throw new Refusal('KEY_REUSED', `Key ${key} was used for a different refund.`);
        return { value: asRefund(earlier), replayed: true };
      }
      const amount = refundable(payment, amountMinor);
      if (decline !== undefined) throw compensationDeclined(decline);
      const entry = ledger.record(
        entryOn(payment, 'refunded', amount, { refundId: newRefundId(), refundKey: key }),
      );
      return { value: asRefund(entry), replayed: false };
    },
  };
}

export function newRefundId(): string {
  return `ref_${randomUUID()}`;
}

/** The amount to give back, in minor units. */
function refundable(payment: Payment, asked: number | undefined): number {
  const allowed: PaymentStatus[] = ['captured', 'partially_refunded'];
  if (!allowed.includes(payment.status)) throw illegal('refunded', payment, allowed);
  const leftMinor = heldMinor(payment);
  if (asked === undefined) return leftMinor;
  if (asked <= leftMinor) return asked;
  throw new Refusal('AMOUNT_TOO_LARGE', `Only ${leftMinor} of ${payment.id} can still be refunded.`, {
    leftMinor,
  });
}

function asRefund({ refundId, paymentId, amountMinor, currency, time }: LedgerEntry): Refund {
  return {
    id: refundId as string,
    paymentId: paymentId as string,
    amountMinor,
    currency: currency as string,
    createdAt: time,
  };
}

const illegal = (wish: string, payment: Payment, allowed: PaymentStatus[]): Refusal =>
  new Refusal('ILLEGAL_STATE', `Payment ${payment.id} is ${payment.status} and cannot be ${wish}.`, {
    status: payment.status,
    allowed,
  });
