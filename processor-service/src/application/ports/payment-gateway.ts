/**
 * The payment provider as the saga sees it. One charge has one key for ever, however often it is tried.
 *
 * Every method throws `AppError` when it cannot say what was asked; the code speaks of the call that threw:
 *
 * - `PAYMENT_UNAVAILABLE` (transient): the provider certainly did nothing; the call may simply be repeated.
 * - `PAYMENT_UNAVAILABLE` (unavailable): nothing was sent because the provider has not answered for a while; waiting is
 *   the cure, and costs no attempt.
 * - `PAYMENT_OUTCOME_UNKNOWN` (transient): it may have been done. Look the key up before repeating or giving up.
 *   (unavailable): besides, the provider answers nobody, and this call costs no attempt.
 * - `PAYMENT_PROTOCOL_ERROR` (permanent): the provider refuses in a way that no repetition cures; a person has to look.
 */
export interface PaymentGateway {
  /** Takes the money. Repeating it with the same key takes it once; a declined key stays declined. */
  charge(request: Charge): Promise<ChargeOutcome>;
  /** What became of the charge with this key. */
  lookup(request: { key: string; signal?: AbortSignal }): Promise<LookupOutcome>;
  /**
   * Once it has returned, the key holds no money and never will: what was taken has been given back, and a charge that
   * is still under way will be refused. It may be repeated.
   */
  cancel(request: { key: string; signal?: AbortSignal }): Promise<void>;
  /**
   * Gives captured money back, once per key however often it is repeated. Repeating it with the same key is also how to
   * learn what became of one whose outcome is unknown.
   */
  refund(request: Refund): Promise<void>;
}

export interface Refund {
  /** The charge's id at the provider. */
  paymentId: string;
  /** Idempotency key of this refund. */
  key: string;
  /** In minor units of the charge's currency; more than 0. */
  amountMinor: number;
  signal?: AbortSignal;
}

export interface Charge {
  /** Idempotency key. */
  key: string;
  orderId: string;
  /** In minor units of the currency; more than 0. */
  amountMinor: number;
  /** ISO 4217 code. */
  currency: string;
  /** Gives up waiting for an answer; what was sent by then may still be done. */
  signal?: AbortSignal;
}

export type ChargeOutcome =
  | { outcome: 'captured'; paymentId: string }
  | { outcome: 'declined'; reason: string };

export type LookupOutcome =
  | ChargeOutcome
  /** The provider has never heard of the key; a charge that is still on its way may yet arrive, unless it is cancelled. */
  | { outcome: 'absent' }
  /** Voided, refunded or forbidden: the key holds no money. */
  | { outcome: 'cancelled' };
