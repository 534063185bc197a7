import type { Evidence, Failure } from '../evidence.ts';
import type { Flaws } from './finding.ts';

export function* publishedIsCommitted({ announced, replied, tapped }: Evidence): Flaws {
  const committed = new Map([...announced, ...replied].map((row) => [row.messageId, row]));
  const published = new Set(tapped.map(({ messageId }) => messageId));
  for (const { messageId, orderId, type } of committed.values())
    if (!published.has(messageId))
      yield { subject: orderId, what: `committed ${type} and never published it` };
  for (const { messageId, subject, type, body } of tapped) {
    const row = committed.get(messageId);
    if (!row) yield { subject, what: `published ${type} and never committed it` };
    else if (row.payload !== body)
      yield { subject, what: `published ${type} otherwise than it was committed` };
  }
}

const eventOf: Readonly<Record<string, readonly string[]>> = {
  'order.reserved.v1': ['reserved'],
  'order.paid.v1': ['paid'],
  'order.processed.v1': ['completed', 'failed'],
};

export function* effectsHappenOnce({ orders, history, inbox, announced, replied, sagas }: Evidence): Flaws {
  const eventsOf = Map.groupBy(history, ({ orderId }) => orderId);
  const appliedTo = Map.groupBy(
    inbox.filter(({ outcome }) => outcome === 'applied'),
    ({ orderId }) => orderId,
  );
  for (const { id } of orders) {
    const caused = (eventsOf.get(id) ?? []).filter(({ type }) => type !== 'placed' && type !== 'retried');
    const applied = appliedTo.get(id) ?? [];
    const matches = caused.every((event, index) => eventOf[applied[index]?.type ?? '']?.includes(event.type));
    if (!matches || caused.length !== applied.length)
      yield { subject: id, what: `changed ${caused.length} times for ${applied.length} messages` };
  }
  for (const [id, rows] of Map.groupBy(announced, ({ orderId }) => orderId))
    if (rows.length > 1) yield { subject: id, what: `was announced ${rows.length} times` };
  const perRun = Map.groupBy(
    replied,
    ({ orderId, type, payload }) => `${orderId} ${type} ${dataOf(payload).run}`,
  );
  for (const rows of perRun.values())
    if (rows.length > 1)
      yield { subject: rows[0]?.orderId ?? '', what: `announced ${rows[0]?.type} twice in one run` };
  for (const [id, rows] of Map.groupBy(sagas, ({ orderId }) => orderId))
    if (rows.length > 1) yield { subject: id, what: 'has several sagas' };
}

export function* eventsTakeEffectInOrder({ orders, inbox, replied, sagas, tapped }: Evidence): Flaws {
  const counted = (rows: readonly { sequence: number }[]): boolean =>
    rows.every(({ sequence }, index) => sequence === index + 1);
  const inboxOf = Map.groupBy(inbox, ({ orderId }) => orderId);
  const repliesTo = Map.groupBy(replied, ({ orderId }) => orderId);
  const sagaOf = new Map(sagas.map((saga) => [saga.orderId, saga]));
  const sequenceOf = new Map(replied.map(({ messageId, sequence }) => [messageId, sequence]));
  const tappedAbout = Map.groupBy(tapped, ({ subject }) => subject);
  for (const { id, processingSequence } of orders) {
    const received = inboxOf.get(id) ?? [];
    const replies = repliesTo.get(id) ?? [];
    if (!counted(replies) || replies.length !== (sagaOf.get(id)?.eventSequence ?? 0))
      yield { subject: id, what: 'was replied to with gaps' };
    if (!counted(received) || received.length !== processingSequence)
      yield { subject: id, what: `counts ${processingSequence} replies and received ${received.length}` };
    if (
      received.some(({ receivedAt }, index) => receivedAt < (received[index - 1]?.receivedAt ?? receivedAt))
    )
      yield { subject: id, what: 'took account of a later reply before an earlier one' };
    // Only the first of each: what a crash leaves unmarked is published again, after later ones perhaps.
    const published = (tappedAbout.get(id) ?? []).map(({ messageId }) => sequenceOf.get(messageId) ?? 0);
    const first = [...new Set(published.filter((sequence) => sequence > 0))];
    if (!counted(first.map((sequence) => ({ sequence }))))
      yield { subject: id, what: `was replied to in the order ${first.join(', ')}` };
  }
}

export function* processedOrDead({
  announced,
  replied,
  inbox,
  sagas,
  deadOrders,
  deadReplies,
}: Evidence): Flaws {
  const sagaOf = new Map(sagas.map((saga) => [saga.orderId, saga]));
  for (const { messageId, orderId } of announced) {
    const saga = sagaOf.get(orderId);
    const givenUp = saga?.state === 'failed' && saga.failure?.recoverable === true;
    const processed = saga?.state === 'completed' || (saga?.state === 'failed' && !givenUp);
    yield* judge(orderId, 'order.created', processed, deadOrders.has(messageId));
  }
  const received = new Set(inbox.map(({ messageId }) => messageId));
  for (const { messageId, orderId, type } of replied)
    yield* judge(orderId, type, received.has(messageId), deadReplies.has(messageId));
  const sent = new Set([...announced, ...replied].map(({ messageId }) => messageId));
  for (const id of [...deadOrders, ...deadReplies])
    if (!sent.has(id)) yield { subject: id, what: 'is a dead letter that nobody sent' };
}

function* judge(subject: string, type: string, processed: boolean, dead: boolean): Flaws {
  if (processed && dead) yield { subject, what: `has ${type} both processed and dead` };
  if (!processed && !dead) yield { subject, what: `has ${type} neither processed nor dead` };
}

export function* ordersGetFinalReplies({ orders, tapped }: Evidence): Flaws {
  const finals = tapped.filter(({ type }) => type === 'order.processed.v1');
  const repliesTo = Map.groupBy(finals, ({ subject }) => subject);
  for (const { id, status, failure } of orders) {
    const replies = repliesTo.get(id) ?? [];
    const perRun = Map.groupBy(replies, ({ body }) => String(dataOf(body).run));
    for (const [run, repeated] of perRun)
      if (new Set(repeated.map(({ body }) => body)).size > 1)
        yield { subject: id, what: `got different final replies in run ${run}` };
    const lastRun = Math.max(-1, ...[...perRun.keys()].map(Number));
    const last = perRun.get(String(lastRun))?.[0];
    if (!last) yield { subject: id, what: 'got no final reply' };
    else if (dataOf(last.body).status !== status || !isSame(dataOf(last.body).failure, failure))
      yield { subject: id, what: `is ${status} and was told ${JSON.stringify(dataOf(last.body))}` };
  }
}

interface ReplyData {
  readonly run?: number;
  readonly status?: string;
  readonly failure?: Failure;
}

function dataOf(body: string): ReplyData {
  return (JSON.parse(body) as { data: ReplyData }).data;
}

function isSame(told: Failure | undefined, stored: Failure | null): boolean {
  if (!told || !stored) return !told && !stored;
  return (
    told.code === stored.code && told.message === stored.message && told.recoverable === stored.recoverable
  );
}
