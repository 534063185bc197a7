import type { OrderMessage } from '#shared/contracts/order-events.ts';
import type { Saga } from '../../domain/saga.ts';
import type { Stock } from '../../domain/stock.ts';
import type { ReservationChange, SagaRepository } from '../ports/saga-repository.ts';

/** What processor_db holds, in memory: every change is one transaction, and there is one at a time. */
export interface MemorySagas extends SagaRepository {
  readonly all: ReadonlyMap<string, Saga>;
  readonly stock: ReadonlyMap<string, Stock>;
  readonly reservations: ReadonlyMap<string, ReservationChange>;
  /** Everything announced so far, in order. */
  readonly announced: readonly OrderMessage[];
  /** How many lines the audit has. */
  audited(): number;
  /** Every change of state there was, as `reserved → completed`; what is new comes from `nothing`. */
  readonly moves: ReadonlySet<string>;
  /** Errors that no set of steps may ever end in. */
  readonly refused: readonly unknown[];
}

export function createMemorySagas(openingStock: readonly Stock[]): MemorySagas {
  const all = new Map<string, Saga>();
  const stock = new Map(openingStock.map((counts) => [counts.sku, counts]));
  const reservations = new Map<string, ReservationChange>();
  const announced: OrderMessage[] = [];
  const refused: unknown[] = [];
  const moves = new Set<string>();
  let audited = 0;

  function attempt<T>(decide: () => T): T {
    try {
      return decide();
    } catch (error) {
      refused.push(error);
      throw error;
    }
  }

  return {
    all,
    stock,
    reservations,
    announced,
    audited: () => audited,
    moves,
    refused,

    async change({ orderIds }, decide) {
      const locked = orderIds.flatMap((id): [string, Saga][] => {
        const saga = all.get(id);
        return saga ? [[id, saga]] : [];
      });
      const changes = attempt(() => decide(new Map(locked), stock));
      for (const saga of [...changes.created, ...changes.updated]) {
        moves.add(`${all.get(saga.order.orderId)?.state ?? 'nothing'} → ${saga.state}`);
        all.set(saga.order.orderId, saga);
      }
      for (const counts of changes.stock) stock.set(counts.sku, counts);
      for (const change of changes.reservations) reservations.set(change.orderId, change);
      const told = changes.resumptions.map(({ announce }) => announce(++audited));
      for (const { payload } of [...changes.announcements, ...told]) {
        announced.push(JSON.parse(payload) as OrderMessage);
      }
      return changes.result;
    },

    find: async (orderId) => all.get(orderId),
    findAll: async (orderIds) => orderIds.flatMap((orderId) => all.get(orderId) ?? []),
    list: async () => [...all.values()],

    async takeOverdue({ now, until, limit }) {
      const overdue = [...all.values()].filter(({ deadlineAt }) => deadlineAt && deadlineAt < now);
      const taken = overdue.slice(0, limit).map((saga) => ({ ...saga, deadlineAt: until }));
      for (const saga of taken) all.set(saga.order.orderId, saga);
      return taken;
    },
  };
}
