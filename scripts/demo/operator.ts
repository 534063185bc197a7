import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { letterResource, predictionResource } from '#processor-service/http/dead-letter-resources.ts';
import type { Changed, PlacedOrder } from './customer.ts';
import { type Ask, expectStatus } from './http.ts';
import type { Narrator } from './narrator.ts';
import { inMajor } from './timeline.ts';

export type DeadLetter = z.output<typeof letterResource>;
type Prediction = z.output<typeof predictionResource>;

export interface Stock {
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

export interface Operator {
  /** Puts goods that nobody has had before on the shelf, and gives their SKU. */
  stock(goods: string, onHand: number): Promise<string>;
  stockOf(sku: string): Promise<Stock>;
  /** All that is left, or a part in cents. @throws StoryFailed unless it is accepted. */
  refund(order: PlacedOrder, amountMinor?: number): Promise<void>;
  /** What rests in the dead-letter queues about an order. */
  deadLettersOf(order: PlacedOrder): Promise<readonly DeadLetter[]>;
  /** What a replay would do to the order, as `failed → … → completed`. */
  tryReplay(order: PlacedOrder): Promise<string>;
  replay(letter: DeadLetter): Promise<void>;
  discard(letter: DeadLetter, reason: string): Promise<void>;
  /** How the services are, as `order-service ready, processor-service ready`. */
  readiness(): Promise<string>;
}

export function createOperator(parts: {
  orders: Ask;
  processors: Ask;
  narrator: Narrator;
  /** Makes the names of goods those of this run. */
  run: string;
}): Operator {
  const { orders, processors, narrator, run } = parts;
  const step = (request: string, answer: string) => narrator.step('operator', request, answer);

  async function act(letter: DeadLetter, action: string, body?: unknown): Promise<void> {
    const path = `/dead-letters/${encodeURIComponent(letter.id)}/${action}`;
    const { outcome } = expectStatus(
      200,
      `POST ${path}`,
      await processors<{ outcome: string }>({ method: 'POST', path, body }),
    );
    step(`POST /dead-letters/…/${action}`, `200 ${outcome}`);
  }

  return {
    async stock(goods, onHand) {
      const path = `/stock/${goods}-${run}`;
      expectStatus(200, `PUT ${path}`, await processors({ method: 'PUT', path, body: { onHand } }));
      step(`PUT ${path}`, `200 ${onHand} on hand`);
      return `${goods}-${run}`;
    },
    async stockOf(sku) {
      const path = `/stock/${sku}`;
      return expectStatus(200, `GET ${path}`, await processors<Stock>({ method: 'GET', path }));
    },
    async refund({ id }, amountMinor) {
      const path = `/orders/${id}/refund`;
      const body = amountMinor === undefined ? undefined : { amountMinor, refundId: randomUUID() };
      const { status } = expectStatus(
        202,
        `POST ${path}`,
        await orders<Changed>({ method: 'POST', path, body }),
      );
      const amount = amountMinor === undefined ? 'the rest' : `${inMajor(amountMinor)} EUR`;
      step(`POST /orders/…/refund  ${amount}`, `202 ${status}`);
    },
    async deadLettersOf({ id }) {
      const path = `/dead-letters?orderId=${id}`;
      return expectStatus(
        200,
        `GET ${path}`,
        await processors<{ items: DeadLetter[] }>({ method: 'GET', path }),
      ).items;
    },
    async tryReplay({ id: orderId }) {
      const path = '/dead-letters/dry-run';
      const body = { selection: { orderId } };
      const { items } = expectStatus(
        200,
        `POST ${path}`,
        await processors<{ items: Prediction[] }>({ method: 'POST', path, body }),
      );
      const answer = items.map(({ transition }) => transition.join(' → ')).join('; ');
      step(`POST ${path}`, `200 ${answer}`);
      return answer;
    },
    replay: (letter) => act(letter, 'replay'),
    discard: (letter, reason) => act(letter, 'discard', { reason }),
    async readiness() {
      const ofOne = async (ask: Ask) =>
        (await ask<{ status: string }>({ method: 'GET', path: '/health/ready' })).body.status;
      const [order, processor] = await Promise.all([ofOne(orders), ofOne(processors)]);
      return `order-service ${order}, processor-service ${processor}`;
    },
  };
}
