import { AppError } from '#shared/kernel/errors.ts';
import { type Page, pageOf } from '#shared/kernel/page.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaQuery, SagaRepository } from './ports/saga-repository.ts';

/** What can be asked about sagas. */
export interface ReadSagas {
  /** @throws AppError `SAGA_NOT_FOUND` */
  get(orderId: string): Promise<Saga>;
  /** Those of the newest orders first. */
  list(query: Pick<SagaQuery, 'state' | 'limit'> & { cursor?: string | undefined }): Promise<Page<Saga>>;
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
      return pageOf(found, limit, ({ order }) => order.orderId);
    },
  };
}

export function sagaNotFound(orderId: string): AppError {
  const message = `order ${orderId} was never processed`;
  return new AppError({ code: 'SAGA_NOT_FOUND', kind: 'rejected', message });
}
