/** Why the provider says no; each stands for one HTTP status in `http/problem.ts`. */
export type RefusalCode =
  | 'PAYMENT_DECLINED'
  | 'COMPENSATION_DECLINED'
  | 'KEY_REUSED'
  | 'KEY_IN_FLIGHT'
  | 'KEY_CANCELLED'
  | 'KEY_UNKNOWN'
  | 'PAYMENT_NOT_FOUND'
  | 'ILLEGAL_STATE'
  | 'AMOUNT_TOO_LARGE';

/** A decision against the request: ordinary business, not a failure. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** Facts that become members of the problem document. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The same request was refused before, and this is that answer again. */
  readonly replayed: boolean;

  constructor(code: RefusalCode, message: string, facts: Record<string, unknown> = {}, replayed = false) {
    super(message);
    this.code = code;
    this.facts = facts;
    this.replayed = replayed;
  }
}

/** The provider will not give money back that it holds. */
export function compensationDeclined(reason: string): Refusal {
  return new Refusal('COMPENSATION_DECLINED', `The money cannot be given back: ${reason}.`, { reason });
}
