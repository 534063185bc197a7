import type { DeadLetterDetail } from '../../application/dead-letters/look-at-dead-letters.ts';
import { formatFacts, printable, shortTime } from './table.ts';

/** Everything about a letter, for a person to read. */
export function describeDetail(detail: DeadLetterDetail): string {
  const { content, history } = detail;
  const events = history.map(({ at, what }) => `${shortTime(at).padEnd(19)}  ${printable(what)}`);
  return [
    letterFacts(detail),
    section('History (UTC)', events.join('\n')),
    section('Order', orderFacts(detail)),
    section('Saga', sagaFacts(detail)),
    section('A replay', replayFacts(detail)),
    section('Headers', formatFacts(Object.fromEntries(Object.entries(content.headers).map(toFact)))),
    section(content.encoding === 'utf8' ? 'Body' : 'Body (base64)', prettyJson(content.body)),
  ].join('\n\n');
}

function section(title: string, text: string): string {
  return `${title}\n${text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n')}`;
}

function letterFacts({ letter, exchange, routingKey, correlationId }: DeadLetterDetail): string {
  return formatFacts({
    id: letter.id,
    queue: letter.queue,
    type: letter.type || '(no type)',
    order: letter.orderId,
    error: `${letter.errorCode}: ${letter.errorMessage}`,
    where: letter.frame,
    group: letter.fingerprint,
    attempts: letter.attempts,
    replays: letter.replayCount,
    'replayed by run': letter.replayRun,
    'edited from': letter.editedFrom,
    'first published': `exchange "${exchange}", routing key "${routingKey}"`,
    correlation: correlationId,
  });
}

function orderFacts({ order }: DeadLetterDetail): string {
  if (order === 'unknown') return 'the order-service did not answer';
  if (!order) return 'there is none';
  const { status, version, failure, cancellation, refundedMinor } = order;
  return formatFacts({
    status,
    version,
    failure: failure ? `${failure.code}: ${failure.message}` : undefined,
    recoverable: failure ? String(failure.recoverable) : undefined,
    cancellation: cancellation ?? undefined,
    'refunded (minor units)': refundedMinor || undefined,
  });
}

function sagaFacts({ saga }: DeadLetterDetail): string {
  if (!saga) return 'there is none';
  const { state, run, attempts, trouble, failure, paymentId, updatedAt } = saga;
  return formatFacts({
    state,
    run,
    'failed attempts': attempts || undefined,
    trouble: trouble ? `${trouble.code}: ${trouble.message}` : undefined,
    failure: failure ? `${failure.code}: ${failure.message}` : undefined,
    payment: paymentId ?? undefined,
    changed: shortTime(updatedAt.toISOString()),
  });
}

function replayFacts({ replay }: DeadLetterDetail): string {
  const { effect, reason, schema } = replay;
  return formatFacts({
    effect: effect.replaceAll('_', ' '),
    because: reason,
    schema: schema === 'valid' ? schema : schema.error.replaceAll('\n', ' '),
  });
}

function toFact([name, value]: [string, unknown]): [string, string] {
  return [name, typeof value === 'string' ? value : JSON.stringify(value)];
}

function prettyJson(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return printable(body);
  }
}
