import type { OrderFailure, OrderState } from './order.ts';
import { evolve, type OrderEvent, statusAfter } from './order-events.ts';
import { isAllowed } from './transitions.ts';

/** What the processor reports about an order, in the order's own words. */
export interface ProcessingReport {
  /** Counts the processor's messages about this order, gapless from 1. */
  readonly sequence: number;
  /** Counts the runs of the saga; a higher one than the order follows means that it was replayed. */
  readonly run: number;
  readonly event: ReportedEvent;
}

export type ReportedEvent =
  | { readonly type: 'reserved' }
  | { readonly type: 'paid'; readonly paymentId: string; readonly amountMinor: number }
  | { readonly type: 'completed' }
  | { readonly type: 'failed'; readonly failure: OrderFailure }
  | { readonly type: 'cancelled' }
  | { readonly type: 'cancellationRejected'; readonly code: string; readonly message: string }
  /** `full`: nothing is left to refund. */
  | {
      readonly type: 'refunded';
      readonly refundId: string;
      readonly amountMinor: number;
      readonly full: boolean;
    }
  | {
      readonly type: 'refundRejected';
      readonly refundId: string;
      readonly code: string;
      readonly message: string;
    };

export type Following =
  | { readonly outcome: 'applied'; readonly events: readonly OrderEvent[]; readonly order: OrderState }
  /** Changes nothing but, where it is new, the sequence. */
  | { readonly outcome: 'ignored'; readonly reason: string; readonly order: OrderState }
  /** One before it has not arrived yet. */
  | { readonly outcome: 'early' };

/**
 * Decides what a report does to an order. Reports take effect strictly in sequence; one that was seen before, or that
 * would move the order backwards, changes nothing.
 */
export function followProcessing(order: OrderState, report: ProcessingReport, now: Date): Following {
  if (report.sequence <= order.processingSequence) return { outcome: 'ignored', reason: 'duplicate', order };
  if (report.sequence > order.processingSequence + 1) return { outcome: 'early' };

  const seen = {
    ...order,
    processingSequence: report.sequence,
    processingRun: Math.max(order.processingRun, report.run),
  };
  const events: OrderEvent[] = [];
  let next = seen;
  if (report.run > order.processingRun && order.status === 'failed' && order.failure?.recoverable) {
    const retried: OrderEvent = { type: 'retried', data: { run: report.run } };
    events.push(retried);
    next = evolve(next, retried, now);
  }
  const event = toOrderEvent(report);
  const target = statusAfter[event.type];
  if (target && !isAllowed(next.status, target)) {
    return { outcome: 'ignored', reason: `${order.status} orders do not become ${target}`, order: seen };
  }
  events.push(event);
  return { outcome: 'applied', events, order: evolve(next, event, now) };
}

/** Whether the report was seen before. */
export function isDuplicate(following: Following): boolean {
  return following.outcome === 'ignored' && following.reason === 'duplicate';
}

function toOrderEvent({ run, event }: ProcessingReport): OrderEvent {
  switch (event.type) {
    case 'reserved':
      return { type: 'reserved', data: { run } };
    case 'paid':
      return { type: 'paid', data: { paymentId: event.paymentId, amountMinor: event.amountMinor } };
    case 'completed':
      return { type: 'completed', data: {} };
    case 'failed':
      return { type: 'failed', data: { failure: event.failure } };
    case 'cancelled':
      return { type: 'cancelled', data: {} };
    case 'cancellationRejected': {
      const { code, message } = event;
      return { type: 'cancellationRejected', data: { code, message } };
    }
    case 'refunded': {
      const { refundId, amountMinor, full } = event;
      return { type: full ? 'refunded' : 'partiallyRefunded', data: { refundId, amountMinor } };
    }
    case 'refundRejected': {
      const { refundId, code, message } = event;
      return { type: 'refundRejected', data: { refundId, code, message } };
    }
    default:
      return event satisfies never;
  }
}
