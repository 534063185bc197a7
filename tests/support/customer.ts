import { eventually } from './eventually.ts';
import { type OrderView, orderBody, orderClient } from './system.ts';

/** An order with what its customer asked of it. */
export interface CustomerOrder extends OrderView {
  readonly cancellation: { readonly status: string; readonly message?: string } | null;
  readonly paidMinor: number;
  readonly refunds: readonly { readonly id: string; readonly amountMinor: number; readonly status: string }[];
}

export interface CommandAnswer {
  readonly status: number;
  readonly body: CustomerOrder & { readonly code?: string };
}

/** What customers and warehouses do over HTTP. */
export function customerOf(baseUrl: string) {
  const orders = orderClient(baseUrl);

  async function command(id: string, name: string, body?: unknown): Promise<CommandAnswer> {
    const response = await fetch(`${baseUrl}/orders/${id}/${name}`, {
      method: 'POST',
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as CommandAnswer['body'] };
  }

  const get = async (id: string) => (await orders.get(id)) as CustomerOrder;

  return {
    get,
    place: async (
      item: Parameters<typeof orderBody>[0] = {},
      payment: 'automatic' | 'manual' = 'automatic',
    ) => (await orders.place({ ...orderBody(item), payment })).id,
    becomes: async (id: string, status: string) => (await orders.becomes(id, status)) as CustomerOrder,
    /** Waits until the order is as `is` wants it. */
    eventually: (id: string, is: (order: CustomerOrder) => boolean) =>
      eventually(async () => {
        const order = await get(id);
        if (is(order)) return order;
        throw new Error(`not so: ${JSON.stringify(order)}`);
      }),
    cancel: (id: string, reason = 'changed my mind') => command(id, 'cancel', { reason }),
    pay: (id: string) => command(id, 'pay'),
    refund: (id: string, body?: { amountMinor?: number; refundId?: string }) => command(id, 'refund', body),
    fulfil: (id: string) => command(id, 'fulfil'),
    /** The kinds and types of everything that happened to it, e.g. `history cancelled`. */
    async timeline(id: string): Promise<readonly string[]> {
      const response = await fetch(`${baseUrl}/orders/${id}/timeline`);
      const { entries } = (await response.json()) as { entries: { kind: string; type: string }[] };
      return entries.map(({ kind, type }) => `${kind} ${type}`);
    },
  };
}

/** What is left of an order's money at the provider, from its movements such as `captured 700`. */
export function netOf(movements: readonly string[]): number {
  const signs: Readonly<Record<string, number>> = { captured: 1, refunded: -1 };
  return movements.reduce((sum, movement) => {
    const [kind = '', amount] = movement.split(' ');
    return sum + (signs[kind] ?? 0) * Number(amount);
  }, 0);
}
