import type { WebhookDeliveries } from './ports/webhook-repository.ts';

const batchSize = 1_000;

/**
 * Gives up some of the deliveries that wait for webhooks which are disabled or deleted, and deletes some that were
 * finished long ago; answers whether there may be more.
 */
export function createTidyDeliveries(dependencies: {
  deliveries: Pick<WebhookDeliveries, 'giveUp' | 'deleteFinished'>;
  retentionMs: number;
}): () => Promise<boolean> {
  const { deliveries, retentionMs } = dependencies;
  return async () => {
    const givenUp = await deliveries.giveUp(batchSize);
    const deleted = await deliveries.deleteFinished(retentionMs, batchSize);
    return Math.max(givenUp, deleted) === batchSize;
  };
}
