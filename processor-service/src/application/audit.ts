import type { OrderMessageOf } from '#shared/contracts/order-events.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import type { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { toOutboxRow } from '#shared/outbox/outbox-message.ts';
import type { IntendedAction, OperatorAction, OperatorActions } from './ports/operator-actions.ts';

/** What ties an action to the request or the message that it is about. */
export interface Trace {
  readonly correlationId: string;
  readonly traceparent: string;
}

/** Writes down what operators do, before and after they do it, and tells the orders concerned. */
export interface Audit {
  /** Before any effect. Answers in the order of the request; see {@link OperatorActions.intend}. */
  intend(actions: readonly IntendedAction[]): Promise<readonly OperatorAction[]>;
  /** After the effect. Where an action concerns an order, the order's timeline will show it. */
  done(actions: readonly { readonly action: OperatorAction; readonly trace?: Trace }[]): Promise<void>;
  /** There was no effect, or with `isUnknown` nobody knows. */
  failed(action: OperatorAction, error: AppError, options?: { isUnknown?: boolean }): Promise<void>;
}

export function createAudit(dependencies: {
  actions: OperatorActions;
  clock: Clock;
  /** Called when there is something new in the outbox. */
  announce?: () => void;
}): Audit {
  const { actions, clock, announce } = dependencies;
  return {
    intend: (intended) => actions.intend(intended, clock()),

    async done(done) {
      const announcements = done.flatMap(
        ({ action, trace }) => toOperatorActed(action, trace, clock()) ?? [],
      );
      await actions.complete(
        done.map(({ action }) => action.id),
        announcements.map(toOutboxRow),
      );
      announce?.();
    },

    failed: (action, { code, message }, { isUnknown = false } = {}) =>
      actions.fail([action.id], isUnknown ? 'intended' : 'failed', `${code}: ${message}`),
  };
}

const pastOf = { replay: 'replayed', edit: 'edited', discard: 'discarded', resume: 'resumed' } as const;

/** The message that shows an action in the timeline of its order; `undefined` where no order is known. */
function toOperatorActed(
  action: OperatorAction,
  trace: Trace | undefined,
  now: Date,
): OrderMessageOf<'order.operator_acted.v1'> | undefined {
  if (action.orderId === undefined) return undefined;
  return {
    specversion: '1.0',
    id: newId(),
    source: '/processor-service',
    type: 'order.operator_acted.v1',
    subject: action.orderId,
    time: now.toISOString(),
    datacontenttype: 'application/json',
    sequence: action.id,
    correlationid: trace?.correlationId ?? newId(),
    traceparent: trace?.traceparent ?? newTraceparent(),
    data: {
      action: pastOf[action.action],
      operator: action.operator,
      queue: action.letter?.queue,
      messageId: action.letter?.messageId,
      errorCode: action.errorCode,
      reason: action.reason,
      replacedBy: action.replacedBy,
    },
  };
}
