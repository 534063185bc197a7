import { AppError } from '#shared/kernel/errors.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaQuery, SagaRepository } from './ports/saga-repository.ts';

/** One page of sagas; `nextCursor` is absent on the last one. */
export interface SagaPage {
  readonly items: readonly Saga[];
  readonly nextCursor?: string;
}

/** What can be asked about sagas. */
export interface ReadSagas {
  /** @throws AppError `SAGA_NOT_FOUND` */
  get(orderId: string): Promise<Saga>;
  /** Those of the newest orders first. */
  list(query: Pick<SagaQuery, 'state' | 'limit'> & { cursor?: string | undefined }): Promise<SagaPage>;
}

export function createReadSagas(dependencies: { sagas: SagaRepository }): ReadSagas {
  const { sagas } = dependencies;
  return {
    async get(orderId) {
      const saga = await sagas.find(orderId);
      if (!saga) throw sagaNotFound(orderId);
      return saga;
    },
    async list({ state, cursor, limit }) {
      // One more than asked for tells whether there is a next page.
      const found = await sagas.list({ state, before: cursor, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return found.length > limit && last ? { items, nextCursor: last.order.orderId } : { items };
    },
  };
}

export function sagaNotFound(orderId: string): AppError {
  const message = `order ${orderId} was never processed`;
  return new AppError({ code: 'SAGA_NOT_FOUND', kind: 'rejected', message });
}
