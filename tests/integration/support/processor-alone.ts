import type { OrderMessage, OrderMessageOf } from '#shared/contracts/order-events.ts';
import { routingKeyOf } from '#shared/contracts/order-events.ts';
import { exchanges } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { eventually } from '../../support/eventually.ts';
import { publishForeign } from '../../support/publish.ts';
import { sandboxClient } from '../../support/sandbox.ts';
import { createTestSystem, type TestSystem } from '../../support/system.ts';

/** A saga as the API shows it; only what tests look at. */
export interface SagaView {
  readonly orderId: string;
  readonly state: string;
  readonly run: number;
  readonly attempts: number;
  readonly refundedMinor: number;
  readonly refunds: readonly { readonly id: string; readonly state: string }[];
  readonly failure: { readonly code: string; readonly recoverable: boolean } | null;
  readonly trouble: { readonly code: string } | null;
  readonly deadlineAt: string | null;
}

/** The processor-service and the provider as real processes; the test takes the place of the order-service. */
export interface ProcessorAlone {
  readonly system: TestSystem;
  readonly sandbox: ReturnType<typeof sandboxClient>;
  /** Publishes messages all at once. */
  publish(...messages: readonly OrderMessage[]): Promise<void>;
  saga(orderId: string): Promise<SagaView>;
  /** Waits until the saga is in this state, and shows it. */
  becomes(orderId: string, state: string): Promise<SagaView>;
  /** POST …/resume. */
  resume(orderId: string, headers?: Readonly<Record<string, string>>, body?: unknown): Promise<Response>;
  /** What the processor has announced about an order, in sequence, with what its data says beyond the run. */
  announced(orderId: string): Promise<readonly { readonly type: string; readonly data: Data }[]>;
  typesAbout(orderId: string): Promise<readonly string[]>;
  /** Puts so many pieces on the shelf, under a SKU of the test's own. */
  stocked(onHand: number): Promise<string>;
  stockOf(sku: string): Promise<{ onHand: number; reserved: number; shipped: number }>;
  reservationsOf(orderId: string): Promise<readonly string[]>;
}

type Data = Readonly<Record<string, unknown>>;

export async function createProcessorAlone(
  settings: Readonly<Record<string, string>> = {},
): Promise<ProcessorAlone> {
  const system = await createTestSystem({
    services: ['sandbox', 'processor'],
    settings: {
      WATCHDOG_INTERVAL_MS: '100',
      COMPENSATION_RETRY_MS: '50',
      // What becomes of each attempt is the subject here; the breaker would spare some of them.
      PAYMENT_BREAKER_FAILURES: '1000',
      ...settings,
    },
  });
  const { pool } = system.processorDatabase;
  const url = system.urls.processor;

  async function saga(orderId: string): Promise<SagaView> {
    const response = await fetch(`${url}/sagas/${orderId}`);
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as SagaView;
  }

  async function announced(orderId: string) {
    const { rows } = await pool.query<{ type: string; payload: string }>(
      'SELECT type, payload FROM outbox WHERE order_id = $1 ORDER BY id',
      [orderId],
    );
    return rows.map(({ type, payload }) => {
      const { run: _, ...data } = (JSON.parse(payload) as { data: Data }).data;
      return { type: type.replace(/^order\.|\.v1$/g, ''), data };
    });
  }

  return {
    system,
    sandbox: sandboxClient(system.urls.sandbox),
    announced,
    saga,

    publish: (...messages) =>
      publishForeign(
        system.broker.url,
        messages.map((message) => ({
          exchange: exchanges.orders,
          routingKey: routingKeyOf(message.type),
          body: JSON.stringify(message),
          properties: { messageId: message.id, type: message.type, correlationId: message.correlationid },
        })),
      ),

    becomes: (orderId, state) =>
      eventually(async () => {
        const found = await saga(orderId);
        if (found.state === state) return found;
        throw new Error(`saga ${orderId} is ${found.state} instead of ${state}`);
      }),

    resume: (orderId, headers = { 'x-operator': 'ada' }, body) =>
      fetch(`${url}/sagas/${orderId}/resume`, {
        method: 'POST',
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),

    typesAbout: async (orderId) => (await announced(orderId)).map(({ type }) => type),

    async stocked(onHand) {
      const sku = `SKU-${newId()}`;
      await pool.query('INSERT INTO stock (sku, on_hand, received, updated_at) VALUES ($1, $2, $2, now())', [
        sku,
        onHand,
      ]);
      return sku;
    },

    async stockOf(sku) {
      const { rows } = await pool.query<{ onHand: number; reserved: number; shipped: number }>(
        'SELECT on_hand AS "onHand", reserved, shipped FROM stock WHERE sku = $1',
        [sku],
      );
      if (!rows[0]) throw new Error(`there is no SKU ${sku}`);
      return rows[0];
    },

    async reservationsOf(orderId) {
      const { rows } = await pool.query<{ state: string }>(
        'SELECT state FROM reservations WHERE order_id = $1 ORDER BY sku',
        [orderId],
      );
      return rows.map(({ state }) => state);
    },
  };
}

/** What the order-service says about one order of one item, with everything that does not matter filled in. */
export function messagesAbout(item: {
  sku?: string;
  quantity?: number;
  amountMinor?: number;
  payment?: 'automatic' | 'manual';
}) {
  const { sku = 'SKU-001', quantity = 1, amountMinor = 1_999, payment = 'automatic' } = item;
  const orderId = newId();
  const order = {
    customerId: 'customer-1',
    currency: 'EUR',
    totalMinor: quantity * amountMinor,
    items: [{ sku, quantity, unitPriceMinor: amountMinor }],
    payment,
  };
  const envelope = (sequence: number) =>
    ({
      specversion: '1.0',
      id: newId(),
      source: '/order-service',
      subject: orderId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      sequence,
      correlationid: newId(),
      traceparent: newTraceparent(),
    }) as const;
  return {
    orderId,
    created: (): OrderMessageOf<'order.created.v1'> => ({
      ...envelope(1),
      type: 'order.created.v1',
      data: order,
    }),
    paymentRequested: (): OrderMessageOf<'order.payment_requested.v1'> => ({
      ...envelope(2),
      type: 'order.payment_requested.v1',
      data: order,
    }),
    cancelRequested: (): OrderMessageOf<'order.cancel_requested.v1'> => ({
      ...envelope(2),
      type: 'order.cancel_requested.v1',
      data: { ...order, reason: 'changed my mind' },
    }),
    refundRequested: (
      amount: number = order.totalMinor,
      refundId: string = newId(),
      currency = 'EUR',
    ): OrderMessageOf<'order.refund_requested.v1'> => ({
      ...envelope(3),
      type: 'order.refund_requested.v1',
      data: { refundId, amountMinor: amount, currency, reason: 'does not fit' },
    }),
  };
}
