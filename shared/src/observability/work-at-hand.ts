import { AsyncLocalStorage } from 'node:async_hooks';
import { traceIdOf } from './trace-context.ts';

/** What a piece of work is about, as far as it is known. Only what may stand in any log. */
export interface Facts {
  correlationId?: string | undefined;
  orderId?: string | undefined;
  messageId?: string | undefined;
  /** Counted from 1. */
  attempt?: number | undefined;
}

interface Work {
  /** Shared by all parts of the work: what one of them finds out, the others may tell. */
  readonly facts: Facts;
  /** W3C Trace Context of the part that is at hand. */
  readonly traceparent: string | undefined;
}

/** Follows the work through everything it waits for, and through nothing that goes on beside it. */
const atHand = new AsyncLocalStorage<Work>();

/** Begins work about `facts`, as part of the trace that `traceparent` belongs to; lines that it logs tell both. */
export function beginWork<T>(facts: Facts, traceparent: string | undefined, work: () => T): T {
  return atHand.run({ facts, traceparent }, work);
}

/** Goes on with the work at hand, under another parent. */
export function goOnUnder<T>(traceparent: string | undefined, work: () => T): T {
  const current = atHand.getStore();
  if (current?.traceparent === traceparent) return work();
  return atHand.run({ facts: current?.facts ?? {}, traceparent }, work);
}

/** Adds to what is known of the work at hand; without any it does nothing. */
export function learn(facts: Facts): void {
  const current = atHand.getStore();
  if (current) Object.assign(current.facts, facts);
}

/** W3C Trace Context of the work at hand; `undefined` where nobody asked for what is done. */
export function traceparentAtHand(): string | undefined {
  return atHand.getStore()?.traceparent;
}

/** What every log line tells about the work at hand. */
export function factsAtHand(): Facts & { traceId?: string } {
  const current = atHand.getStore();
  if (!current) return {};
  const { facts, traceparent } = current;
  return traceparent === undefined ? { ...facts } : { ...facts, traceId: traceIdOf(traceparent) };
}
