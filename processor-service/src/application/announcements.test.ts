import { describe, expect, test } from '@jest/globals';
import { createProcessingMessageHandler } from '#order-service/consumers/processing-messages.ts';
import {
  type OrderMessage,
  orderContracts,
  parseOrderMessage,
  routingKeyOf,
} from '#shared/contracts/order-events.ts';
import { queues, workQueues } from '#shared/contracts/topology.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import type { Announcement } from '../domain/saga-steps.ts';
import { sagaIn, someOrder, someTime } from '../domain/testing/sagas.ts';
import { announcementsOf } from './announcements.ts';
import { createAudit } from './audit.ts';
import type { OperatorAction } from './ports/operator-actions.ts';

const cause = { correlationId: 'checkout-1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
const refund = { id: '5f0c2c63-4f6f-4c56-9d0c-3a4f5e1b2c3d', amountMinor: 40, reason: 'broken' };
const failure = { code: 'OUT_OF_STOCK', message: 'A: 2 wanted, 1 left', recoverable: false } as const;
const completed = (state: 'refunded' | 'rejected') =>
  sagaIn('completed', { paymentId: 'pay-1', refunds: [{ ...refund, state }] });

const steps: readonly [Announcement, Saga, SagaEvent][] = [
  ['reserved', sagaIn('reserved'), { type: 'stockReserved' }],
  [
    'paid',
    sagaIn('completed', { paymentId: 'pay-1' }),
    { type: 'paymentCaptured', run: 0, paymentId: 'pay-1' },
  ],
  ['processed', sagaIn('completed'), { type: 'paymentCaptured', run: 0, paymentId: 'pay-1' }],
  ['processed', sagaIn('failed', { failure }), { type: 'stockRefused', failure }],
  ['cancelled', sagaIn('cancelled'), { type: 'cancelRequested' }],
  ['cancel_rejected', sagaIn('completed'), { type: 'cancelRequested' }],
  ['cancel_rejected', sagaIn('failed', { failure }), { type: 'cancelRequested' }],
  ['refunded', completed('refunded'), { type: 'refundSettled', refundId: refund.id }],
  ['refund_rejected', completed('rejected'), { type: 'refundRequested', refund }],
];

const letter = { messageId: 'm-1', queue: 'q.dlq', replayCount: 1, failedAt: someTime, digest: 'd' };
const about = {
  id: 7,
  operator: 'ada',
  orderId: someOrder.orderId,
  outcome: 'intended',
  error: null,
  at: someTime,
} as const;
const actions: readonly OperatorAction[] = [
  { ...about, action: 'replay', letter, errorCode: 'INTERNAL', fingerprint: 'f', type: 'order.created.v1' },
  { ...about, action: 'edit', letter, reason: 'wrong currency', replacedBy: 'm-2' },
  { ...about, action: 'discard', letter, reason: 'a test' },
  { ...about, action: 'resume' },
];

/** As the outbox gets them. */
async function payloadsOf(action: OperatorAction): Promise<string[]> {
  const payloads: string[] = [];
  const audit = createAudit({
    actions: {
      intend: async () => [],
      complete: async (_ids, rows) => void payloads.push(...rows.map(({ payload }) => payload)),
      fail: async () => undefined,
      list: async () => [],
      findEdit: async () => undefined,
    },
    clock: () => someTime,
  });
  await audit.done([{ action, trace: cause }]);
  return payloads;
}

const sagaMessages = steps.flatMap(([announcement, saga, event]) =>
  announcementsOf({ saga, event, announce: [announcement] }, cause, someTime).map((message) =>
    JSON.stringify(message),
  ),
);
const payloads = [...sagaMessages, ...(await Promise.all(actions.map(payloadsOf))).flat()].map((payload) => ({
  type: (JSON.parse(payload) as OrderMessage).type,
  payload,
}));

describe('what the processor announces', () => {
  test('is everything that its contracts provide for', () => {
    const queue = workQueues.find(({ name }) => name === queues.orderProcessed);
    const provided = Object.keys(orderContracts).filter((type) =>
      queue?.routingKeys.includes(routingKeyOf(type)),
    );
    expect(new Set(payloads.map(({ type }) => type))).toEqual(new Set(provided));
  });

  test.each(payloads)('carries nothing that the contract does not know: $type', ({ payload }) => {
    expect(parseOrderMessage(Buffer.from(payload))).toEqual(JSON.parse(payload));
  });

  test.each(payloads)('is taken by the order-service: $type', async ({ payload }) => {
    const taken: object[] = [];
    const handler = createProcessingMessageHandler({
      followProcessing: async (messages) => {
        taken.push(...messages);
        return messages.map(() => undefined);
      },
      recordOperatorAction: async (message) => void taken.push(message),
    });
    await handler.handle({ body: Buffer.from(payload) } as IncomingMessage);
    expect(taken).toEqual([JSON.parse(payload)]);
  });
});
