import { collectEvidence, type Evidence, type Failure } from './evidence.ts';
import type { TestSystem } from './system.ts';
import type { Witness } from './witness.ts';

/** Something that must never be. */
export interface Finding {
  /** Which promise is broken; see the list of checks below. */
  readonly invariant: string;
  /** The order it is about, or whatever else it is about. */
  readonly subject: string;
  readonly what: string;
}

type Flaws = Generator<Omit<Finding, 'invariant'>>;

/**
 * Checks a system that has come to rest against everything that is promised about it. An empty answer means that every
 * promise was kept.
 */
export async function checkInvariants(system: TestSystem, witness: Witness): Promise<readonly Finding[]> {
  const evidence = await collectEvidence(system, witness);
  return Object.entries(checks).flatMap(([invariant, check]) =>
    [...check(evidence)].map((flaw) => ({ invariant, ...flaw })),
  );
}

const checks: Readonly<Record<string, (evidence: Evidence) => Flaws>> = {
  'I1 an acknowledged order exists': acknowledgedOrdersExist,
  'I2 an order ends once, a replayed one once per run': ordersEndOnce,
  'I3 one order per request': oneOrderPerRequest,
  'I4 money is taken at most once, and only for completed orders': moneyMatchesOrders,
  'I5 stock is conserved and matches the orders': stockIsConserved,
  'I6 published is exactly what was committed': publishedIsCommitted,
  'I7 every effect happens once per message': effectsHappenOnce,
  'I8 the events of an order take effect in order': eventsTakeEffectInOrder,
  'I10 a message is processed or dead': processedOrDead,
  'I12 every order gets a final reply, repeated ones are identical': ordersGetFinalReplies,
};

function* acknowledgedOrdersExist({ log, orders }: Evidence): Flaws {
  const byId = new Map(orders.map((order) => [order.id, order]));
  for (const { customerId, totalMinor, answer } of log) {
    if (answer.outcome !== 'accepted') continue;
    const order = byId.get(answer.orderId);
    if (!order) yield { subject: answer.orderId, what: 'was acknowledged and does not exist' };
    else if (order.customerId !== customerId || order.totalMinor !== totalMinor)
      yield { subject: order.id, what: 'is not what was acknowledged' };
  }
}

const oneRun = '(reserved paid completed|(reserved )?failed)';
const legalHistory = new RegExp(`^placed ((reserved )?failed retried )*${oneRun}$`);

function* ordersEndOnce({ orders, history }: Evidence): Flaws {
  const historyOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const { id, status, version } of orders) {
    const events = historyOf.get(id) ?? [];
    const story = events.map(({ type }) => type).join(' ');
    if (!legalHistory.test(story)) yield { subject: id, what: `has the history "${story}"` };
    if (events.at(-1)?.type !== status) yield { subject: id, what: `is ${status} after "${story}"` };
    if (version !== events.length || events.some((event, index) => event.version !== index + 1))
      yield {
        subject: id,
        what: `is version ${version} and its ${events.length} events do not count up to it`,
      };
  }
}

function* oneOrderPerRequest({ log, orders }: Evidence): Flaws {
  const acknowledged = log.flatMap(({ answer }) => (answer.outcome === 'accepted' ? [answer.orderId] : []));
  for (const [id, times] of Map.groupBy(acknowledged, (id) => id))
    if (times.length > 1) yield { subject: id, what: 'was given to several customers' };
  const requests = new Map(log.map((entry) => [entry.customerId, entry.answer]));
  for (const [customerId, theirs] of Map.groupBy(orders, (order) => order.customerId)) {
    const answer = requests.get(customerId);
    for (const { id } of theirs.slice(1)) yield { subject: id, what: 'is a second order for one request' };
    for (const { id } of theirs) {
      if (!answer) yield { subject: id, what: 'was asked for by nobody' };
      if (answer?.outcome === 'refused') yield { subject: id, what: 'was refused and exists' };
    }
  }
}

function* moneyMatchesOrders({ orders, history, ledger }: Evidence): Flaws {
  const entriesOf = Map.groupBy(ledger, ({ reference }) => reference);
  const runsOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const { id, status, totalMinor, currency } of orders) {
    const entries = entriesOf.get(id) ?? [];
    const captures = entries.filter(({ kind }) => kind === 'captured');
    const runs = 1 + (runsOf.get(id) ?? []).filter(({ type }) => type === 'retried').length;
    if (captures.length > runs || new Set(captures.map(({ key }) => key)).size < captures.length)
      yield { subject: id, what: `was charged ${captures.length} times in ${runs} runs` };
    if (entries.some((entry) => entry.currency !== currency))
      yield { subject: id, what: 'was charged in another currency' };
    let held = 0;
    for (const { kind, amountMinor } of entries) {
      held += kind === 'captured' ? amountMinor : kind === 'refunded' ? -amountMinor : 0;
      if (held > totalMinor) yield { subject: id, what: `cost ${held} at one time instead of ${totalMinor}` };
    }
    const due = status === 'completed' ? totalMinor : 0;
    if (held !== due) yield { subject: id, what: `is ${status} and cost ${held} instead of ${due}` };
  }
  const known = new Set(orders.map(({ id }) => id));
  for (const { reference, kind } of ledger)
    if (reference !== null && !known.has(reference))
      yield { subject: reference, what: `has money ${kind} and is no order` };
}

const reservationOf: Readonly<Record<string, string>> = { completed: 'shipped', failed: 'released' };

function* stockIsConserved({ openingStock, stock, reservations, orders, orderLines }: Evidence): Flaws {
  const sum = (sku: string, state: string): number =>
    reservations
      .filter((line) => line.sku === sku && line.state === state)
      .reduce((total, { quantity }) => total + quantity, 0);
  for (const { sku, onHand, reserved, shipped } of stock) {
    if (Math.min(onHand, reserved, shipped) < 0) yield { subject: sku, what: 'has a negative count' };
    const opening = openingStock.get(sku) ?? 0;
    if (onHand + reserved + shipped !== opening)
      yield { subject: sku, what: `had ${opening} and has ${onHand} + ${reserved} + ${shipped}` };
    if (reserved !== sum(sku, 'open')) yield { subject: sku, what: 'is reserved for nobody' };
    if (shipped !== sum(sku, 'shipped')) yield { subject: sku, what: 'was shipped to nobody' };
  }
  const linesOf = Map.groupBy(orderLines, ({ orderId }) => orderId);
  const reservedFor = Map.groupBy(reservations, ({ orderId }) => orderId);
  const list = (lines: readonly { sku: string; quantity: number }[]): string =>
    lines
      .map(({ sku, quantity }) => `${quantity} ${sku}`)
      .sort()
      .join(', ');
  for (const { id, status } of orders) {
    const held = reservedFor.get(id) ?? [];
    if (held.some(({ state }) => state !== reservationOf[status]))
      yield { subject: id, what: `is ${status} and has stock ${held.map(({ state }) => state).join(', ')}` };
    if ((status === 'completed' || held.length > 0) && list(held) !== list(linesOf.get(id) ?? []))
      yield { subject: id, what: `got ${list(held)} instead of ${list(linesOf.get(id) ?? [])}` };
  }
}

function* publishedIsCommitted({ announced, replied, tapped }: Evidence): Flaws {
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

function* effectsHappenOnce({ orders, history, inbox, announced, replied, sagas }: Evidence): Flaws {
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

function* eventsTakeEffectInOrder({ orders, inbox, replied, sagas, tapped }: Evidence): Flaws {
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

function* processedOrDead({ announced, replied, inbox, sagas, deadOrders, deadReplies }: Evidence): Flaws {
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

function* ordersGetFinalReplies({ orders, tapped }: Evidence): Flaws {
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
