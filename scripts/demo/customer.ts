import type { OrderResource } from '#order-service/http/order-schemas.ts';
import type { Eventually } from './eventually.ts';
import { type Answer, type Ask, expectStatus } from './http.ts';
import type { Narrator } from './narrator.ts';
import { inMajor, type TimelineEntry } from './timeline.ts';

export interface Wish {
  readonly sku: string;
  readonly quantity: number;
  /** Of one piece, in cents. */
  readonly price: number;
  /** `manual`: it waits, with its stock reserved, until it is told to pay. */
  readonly payment?: 'automatic' | 'manual';
}

/** An order as its customer follows it. What is asked of it is shown with the answer, whatever that is. */
export interface PlacedOrder {
  readonly id: string;
  readonly customer: string;
  look(): Promise<OrderResource>;
  timeline(): Promise<readonly TimelineEntry[]>;
  /** @throws StoryFailed when it is something else after that time, 20 s unless told otherwise. */
  becomes(status: OrderResource['status'], withinMs?: number): Promise<OrderResource>;
  /** Waits until it is either. */
  isDecided(): Promise<'completed' | 'failed'>;
  pay(): Promise<Answer<Changed>>;
  cancel(reason: string): Promise<Answer<Changed>>;
}

/** An order after a command, or the problem with the command. */
export type Changed = OrderResource & { readonly code?: string };

export interface Customer {
  /** Places an order. @throws StoryFailed unless it is accepted. */
  order(wish: Wish): Promise<PlacedOrder>;
}

export interface CustomerParts {
  /** What the customer is called in what is shown. */
  readonly name: string;
  /** How the system knows the customer. */
  readonly id: string;
  readonly ask: Ask;
  readonly eventually: Eventually;
  readonly narrator: Narrator;
}

export function createCustomer(parts: CustomerParts): Customer {
  const { name, id: customerId, ask, narrator } = parts;
  return {
    async order({ sku, quantity, price: amountMinor, payment = 'automatic' }) {
      const items = [{ sku, quantity, unitPrice: { amountMinor, currency: 'EUR' } }];
      const body = { customerId, currency: 'EUR', items, payment };
      const request = `POST /orders  ${quantity} × ${sku}, ${inMajor(quantity * amountMinor)} EUR${payment === 'manual' ? ', paid later' : ''}`;
      const order = expectStatus(
        201,
        request,
        await ask<OrderResource>({ method: 'POST', path: '/orders', body }),
      );
      narrator.step(name, request, `201 ${order.status}`);
      return placedOrder(order.id, parts);
    },
  };
}

function placedOrder(id: string, { name, ask, eventually, narrator }: CustomerParts): PlacedOrder {
  const path = `/orders/${id}`;

  async function look(): Promise<OrderResource> {
    return expectStatus(200, `GET ${path}`, await ask<OrderResource>({ method: 'GET', path }));
  }

  async function command(command: string, body?: unknown): Promise<Answer<Changed>> {
    const answer = await ask<Changed>({ method: 'POST', path: `${path}/${command}`, body });
    narrator.step(
      name,
      `POST /orders/…/${command}`,
      `${answer.status} ${answer.body.code ?? answer.body.status}`,
    );
    return answer;
  }

  async function follow(expected: readonly OrderResource['status'][], withinMs?: number) {
    const order = await eventually({
      expected: `${name}'s order ${id} to become ${expected.join(' or ')}`,
      look,
      is: ({ status }) => expected.includes(status),
      found: stateOf,
      ...(withinMs === undefined ? {} : { withinMs }),
    });
    narrator.remark(`${name}'s order is ${stateOf(order)}`);
    return order;
  }

  return {
    id,
    customer: name,
    look,
    async timeline() {
      const answer = await ask<{ entries: TimelineEntry[] }>({ method: 'GET', path: `${path}/timeline` });
      return expectStatus(200, `GET ${path}/timeline`, answer).entries;
    },
    becomes: (status, withinMs) => follow([status], withinMs),
    isDecided: async () => (await follow(['completed', 'failed'])).status as 'completed' | 'failed',
    pay: () => command('pay'),
    cancel: (reason) => command('cancel', { reason }),
  };
}

function stateOf({ status, failure }: OrderResource): string {
  return failure ? `${status}: ${failure.code}, ${failure.message}` : status;
}
