import { z } from 'zod';
import { storableText } from '#shared/contracts/storable-text.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { ChargeOutcome, LookupOutcome } from '../../application/ports/payment-gateway.ts';
import type { HttpAnswer, NoAnswer } from './http-exchange.ts';

/**
 * What each answer of the provider means for the saga. The rule behind all of it: only what the provider says in so
 * many words counts as done or as not done; everything else is unknown, and a look-up will tell.
 */

/** In the words of the provider; what cannot be kept is as good as none. */
const reason = storableText.optional().catch(undefined);

const capturedSchema = z.object({ id: storableText.min(1), status: z.literal('captured') });
const problemSchema = z.object({ code: storableText, reason });
const keyStateSchema = z.object({
  status: z.string(),
  payment: z.object({ id: storableText.min(1), reason }).nullable(),
});

/** The answer to a charge. @throws {AppError} when it is neither a capture nor a decline */
export function readCharge(answer: HttpAnswer): ChargeOutcome {
  if (answer.status === 201) {
    const payment = parse(capturedSchema, answer);
    if (payment !== undefined) return { outcome: 'captured', paymentId: payment.id };
  }
  const problem = parse(problemSchema, answer);
  if (answer.status === 402 && problem?.code === 'PAYMENT_DECLINED') {
    return { outcome: 'declined', reason: problem.reason ?? 'declined' };
  }
  throw failureOf(answer);
}

/** The answer to a look-up. @throws {AppError} when the charge is still being worked on, or the answer is no answer */
export function readLookup(answer: HttpAnswer): LookupOutcome {
  // Only this code: any other 404 comes from a wrong address, and must not pass for a charge that never happened.
  if (answer.status === 404 && parse(problemSchema, answer)?.code === 'KEY_UNKNOWN')
    return { outcome: 'absent' };
  const state = answer.status === 200 ? parse(keyStateSchema, answer) : undefined;
  const outcome = state && outcomeOf(state);
  if (outcome === undefined) throw failureOf(answer, { answered: state !== undefined });
  return outcome;
}

/** What a state means for the money; undefined if that is not decided yet, or beyond what this adapter ever asks for. */
function outcomeOf({ status, payment }: z.output<typeof keyStateSchema>): LookupOutcome | undefined {
  switch (status) {
    case 'captured':
    case 'partially_refunded':
      return payment === null ? undefined : { outcome: 'captured', paymentId: payment.id };
    case 'declined':
      return { outcome: 'declined', reason: payment?.reason ?? 'declined' };
    case 'voided':
    case 'refunded':
    case 'cancelled':
      return { outcome: 'cancelled' };
    default:
      return undefined;
  }
}

/** The answer to a cancellation. @throws {AppError} unless the provider says that the key holds no money for good */
export function readCancel(answer: HttpAnswer): void {
  const state = answer.status === 200 ? parse(keyStateSchema, answer) : undefined;
  if (state?.status !== 'cancelled' && state?.status !== 'declined') throw failureOf(answer);
}

const refundSchema = z.object({ id: storableText.min(1), amountMinor: z.int().positive() });

/** The answer to a refund. @throws {AppError} unless the provider says that the money went back */
export function readRefund(answer: HttpAnswer): void {
  const refund = answer.status === 201 ? parse(refundSchema, answer) : undefined;
  if (refund === undefined) throw failureOf(answer);
}

/** No answer at all: harmless only if the request never left. */
export function failureWithoutAnswer(failure: NoAnswer): AppError {
  return new AppError({
    code: failure.sent ? 'PAYMENT_OUTCOME_UNKNOWN' : 'PAYMENT_UNAVAILABLE',
    kind: 'transient',
    message: failure.sent
      ? 'The payment provider did not answer.'
      : 'The payment provider cannot be reached.',
    cause: failure,
  });
}

/** Statuses by which a client is told that this was not the moment, not that it was wrong. */
const UNDECIDED = new Set([408, 409, 425]);

/** Conflicts that stay as they are: the money will not, or cannot any more, be given back. */
const FINAL_CONFLICTS = new Set(['COMPENSATION_DECLINED', 'ILLEGAL_STATE']);

/** @param options.answered whether the provider spoke clearly, only not about the end yet; it is not away then */
function failureOf(answer: HttpAnswer, options: { answered?: boolean } = {}): AppError {
  const { status } = answer;
  const providerCode = parse(problemSchema, answer)?.code;
  const answered = options.answered ?? (status === 409 && providerCode !== undefined);
  const data = { status, providerCode, answered };
  if (status === 429) {
    const message = 'The payment provider is too busy.';
    return new AppError({ code: 'PAYMENT_UNAVAILABLE', kind: 'transient', message, data });
  }
  const refused = status >= 400 && status < 500 && !UNDECIDED.has(status);
  if (refused || (providerCode !== undefined && FINAL_CONFLICTS.has(providerCode))) {
    const message = `The payment provider refuses: ${providerCode ?? `status ${status}`}.`;
    return new AppError({ code: 'PAYMENT_PROTOCOL_ERROR', kind: 'permanent', message, data });
  }
  const message = `The payment provider gave no clear answer: ${providerCode ?? `status ${status}`}.`;
  return new AppError({ code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'transient', message, data });
}

function parse<T>(schema: z.ZodType<T>, { body }: HttpAnswer): T | undefined {
  try {
    return schema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined; // not even JSON, as from a proxy in between
  }
}
