import {
  type Attributes,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { toAppError } from '../kernel/errors.ts';
import { goOnUnder, traceparentAtHand } from './work-at-hand.ts';

export { SpanKind } from '@opentelemetry/api';

/**
 * Spans, written by hand at the boundaries that a message or a request crosses. What is written about them follows
 * OpenTelemetry's semantic conventions 1.45. Nothing is recorded until {@link recordSpans}; until then each function
 * here only hands on the trace that it was given.
 */
let tracer: Tracer | undefined;

/** Has spans recorded from now on; with `undefined` no more. */
export function recordSpans(recorder: Tracer | undefined): void {
  tracer = recorder;
}

/** Whether spans are recorded, for whoever would prepare something for them alone. */
export function isRecording(): boolean {
  return tracer !== undefined;
}

export interface SpanDescription {
  readonly kind?: SpanKind;
  /** W3C Trace Context of what the span is part of; the work at hand unless given. */
  readonly parent?: string | undefined;
  /** Where no parent is given, it begins a trace. */
  readonly isRoot?: boolean;
  /** What else led to it: W3C Trace Contexts; an absent one counts for nothing. */
  readonly links?: readonly (string | undefined)[];
  readonly attributes?: Attributes;
}

/** A part of some work, on its way. Where nothing is recorded it is no more than a parent handed on. */
export interface WorkSpan {
  /** What others are told to continue; `undefined` where there is nothing to continue. */
  readonly traceparent: string | undefined;
  set(attributes: Attributes): void;
  /** Says that it failed, and why. */
  fail(error: unknown): void;
  end(): void;
  /** Runs `work` as what the span stands for: spans and log lines of it belong to this one. */
  run<T>(work: () => T): T;
}

/** Begins a span that somebody has to end. */
export function beginSpan(name: string, description: SpanDescription = {}): WorkSpan {
  const { parent = description.isRoot ? undefined : traceparentAtHand() } = description;
  if (!tracer) return new Unrecorded(parent);
  const { kind = SpanKind.INTERNAL, attributes = {}, links = [] } = description;
  const surroundings = parent === undefined ? ROOT_CONTEXT : contextOf(parent);
  const span = tracer.startSpan(
    name,
    { kind, attributes, links: links.flatMap((link) => (link ? [{ context: toSpanContext(link) }] : [])) },
    surroundings,
  );
  return new Recorded(span);
}

/** Does `work` in a span of its own. What it throws is recorded, and thrown. */
export async function inSpan<T>(
  name: string,
  description: SpanDescription,
  work: (span: WorkSpan) => Promise<T>,
): Promise<T> {
  const span = beginSpan(name, description);
  try {
    return await span.run(() => work(span));
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

/** For whoever answers a failure that somebody else's span stands for. */
export function failSpanAtHand(error: unknown): void {
  const span = trace.getActiveSpan();
  if (span) recordFailure(span, error);
}

function recordFailure(span: Span, thrown: unknown): void {
  const error = toAppError(thrown);
  // Unknown ones are wrapped: what was thrown tells more.
  const exception = error.cause instanceof Error && error.code === 'INTERNAL' ? error.cause : error;
  span.recordException(exception);
  span.setAttribute('error.type', error === exception ? error.code : exception.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

class Unrecorded implements WorkSpan {
  readonly traceparent: string | undefined;

  constructor(traceparent: string | undefined) {
    this.traceparent = traceparent;
  }

  set(): void {}
  fail(): void {}
  end(): void {}

  run<T>(work: () => T): T {
    return goOnUnder(this.traceparent, work);
  }
}

class Recorded implements WorkSpan {
  readonly traceparent: string;
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
    this.traceparent = fromSpanContext(span.spanContext());
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(thrown: unknown): void {
    recordFailure(this.#span, thrown);
  }

  end(): void {
    this.#span.end();
  }

  run<T>(work: () => T): T {
    // Also for libraries that know nothing of us, and ask OpenTelemetry what is going on.
    const within = trace.setSpan(context.active(), this.#span);
    return context.with(within, () => goOnUnder(this.traceparent, work));
  }
}

function contextOf(traceparent: string) {
  return trace.setSpanContext(ROOT_CONTEXT, toSpanContext(traceparent));
}

/** From a valid traceparent: https://www.w3.org/TR/trace-context/#traceparent-header */
function toSpanContext(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

function fromSpanContext({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
