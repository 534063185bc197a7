import { AppError } from '#shared/kernel/errors.ts';
import type { ChargeOutcome, LookupOutcome, PaymentGateway } from '../ports/payment-gateway.ts';

/** What can become of one call. */
export type CallFate =
  | 'fine'
  /** Done, and the answer takes its time. */
  | 'done and slow to answer'
  | 'lost on the way'
  | 'done and the answer lost'
  /** The caller hears nothing, and it is done some time later. */
  | 'late'
  /** Nothing was sent: the circuit breaker is open. */
  | 'not sent'
  | 'unreachable'
  /** Nothing was done, and never will be; only what gives money back is refused like that. */
  | 'refused';

interface Account {
  readonly orderId: string;
  readonly paymentId: string;
  readonly capturedMinor: number;
  givenBackMinor: number;
}

/** A provider whose every call ends as the simulation says. It keeps its promises about keys, whatever happens. */
export interface SimulatedProvider {
  gatewayFor(decide: (call: string) => Promise<CallFate>, pause: () => Promise<void>): PaymentGateway;
  /** What was sent and has yet to arrive. */
  readonly late: (() => void)[];
  /** What the provider holds for an order now. */
  heldMinor(orderId: string): number;
  captures(orderId: string): number;
  /** How much the refund with this key has moved. */
  refundedBy(key: string): number;
  movements(): number;
  /** Orders for which more was held than they cost. */
  readonly overcharged: readonly string[];
}

export function createSimulatedProvider(isDeclined: (orderId: string) => boolean): SimulatedProvider {
  const accounts = new Map<string, Account>();
  const declined = new Set<string>();
  const dead = new Set<string>();
  const refunds = new Map<string, number>();
  const late: (() => void)[] = [];
  const overcharged: string[] = [];
  let movements = 0;

  function charge(key: string, orderId: string, amountMinor: number): ChargeOutcome {
    if (dead.has(key)) throw refusal(`${key} was cancelled`);
    const known = accounts.get(key);
    if (known) return { outcome: 'captured', paymentId: known.paymentId };
    if (declined.has(key) || isDeclined(orderId)) {
      declined.add(key);
      return { outcome: 'declined', reason: 'no money' };
    }
    movements += 1;
    const paymentId = `pay_${key}`;
    accounts.set(key, { orderId, paymentId, capturedMinor: amountMinor, givenBackMinor: 0 });
    if (heldMinor(orderId) > amountMinor) overcharged.push(orderId);
    return { outcome: 'captured', paymentId };
  }

  function lookup(key: string): LookupOutcome {
    const known = accounts.get(key);
    if (dead.has(key) || (known && known.givenBackMinor === known.capturedMinor))
      return { outcome: 'cancelled' };
    if (known) return { outcome: 'captured', paymentId: known.paymentId };
    return declined.has(key) ? { outcome: 'declined', reason: 'no money' } : { outcome: 'absent' };
  }

  function cancel(key: string): void {
    dead.add(key);
    const known = accounts.get(key);
    if (!known || known.givenBackMinor === known.capturedMinor) return;
    known.givenBackMinor = known.capturedMinor;
    movements += 1;
  }

  function refund(paymentId: string, key: string, amountMinor: number): void {
    if (refunds.has(key)) return;
    const account = [...accounts.values()].find((known) => known.paymentId === paymentId);
    if (!account) throw refusal(`there is no payment ${paymentId}`);
    if (account.givenBackMinor + amountMinor > account.capturedMinor) throw refusal('that much is not left');
    account.givenBackMinor += amountMinor;
    refunds.set(key, amountMinor);
    movements += 1;
  }

  function heldMinor(orderId: string): number {
    return [...accounts.values()]
      .filter((account) => account.orderId === orderId)
      .reduce((sum, { capturedMinor, givenBackMinor }) => sum + capturedMinor - givenBackMinor, 0);
  }

  async function meet<T>(fate: CallFate, effect: () => T, pause: () => Promise<void>): Promise<T> {
    switch (fate) {
      case 'fine':
        return effect();
      case 'done and slow to answer': {
        const answer = effect();
        await pause();
        return answer;
      }
      case 'done and the answer lost':
        effect();
        throw failure('PAYMENT_OUTCOME_UNKNOWN', 'transient');
      case 'late':
        late.push(() => {
          try {
            effect();
          } catch (error) {
            // Nobody hears what it is refused for.
            if (!(error instanceof AppError)) throw error;
          }
        });
        throw failure('PAYMENT_OUTCOME_UNKNOWN', 'transient');
      case 'lost on the way':
        throw failure('PAYMENT_OUTCOME_UNKNOWN', 'transient');
      case 'not sent':
        throw failure('PAYMENT_UNAVAILABLE', 'unavailable');
      case 'unreachable':
        throw failure('PAYMENT_UNAVAILABLE', 'transient');
      case 'refused':
        throw refusal('no');
      default:
        return fate satisfies never;
    }
  }

  return {
    late,
    overcharged,
    heldMinor,
    captures: (orderId) => [...accounts.values()].filter((account) => account.orderId === orderId).length,
    refundedBy: (key) => refunds.get(key) ?? 0,
    movements: () => movements,
    gatewayFor: (decide, pause) => ({
      charge: async ({ key, orderId, amountMinor }) =>
        meet(await decide('charge'), () => charge(key, orderId, amountMinor), pause),
      lookup: async ({ key }) => meet(await decide('lookup'), () => lookup(key), pause),
      cancel: async ({ key }) => meet(await decide('cancel'), () => cancel(key), pause),
      refund: async ({ paymentId, key, amountMinor }) =>
        meet(await decide('refund'), () => refund(paymentId, key, amountMinor), pause),
    }),
  };
}

function failure(code: 'PAYMENT_OUTCOME_UNKNOWN' | 'PAYMENT_UNAVAILABLE', kind: AppError['kind']): AppError {
  return new AppError({ code, kind, message: 'the provider is unwell' });
}

function refusal(message: string): AppError {
  return new AppError({ code: 'PAYMENT_PROTOCOL_ERROR', kind: 'permanent', message });
}
