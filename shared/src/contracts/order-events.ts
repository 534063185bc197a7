import { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { defineEvent } from './envelope.ts';
import { storableText } from './storable-text.ts';

/** Why an order failed. `recoverable` failures may be replayed from the dead-letter queue. */
export const failureSchema = z.object({
  code: storableText.min(1),
  message: storableText,
  recoverable: z.boolean(),
});

const amountMinor = z.int().nonnegative();
const currency = z.string().regex(/^[A-Z]{3}$/);

/** The order as every message that may begin its saga carries it, so that no such message depends on another one. */
const orderData = z.object({
  customerId: storableText.min(1),
  currency,
  totalMinor: amountMinor,
  items: z
    .array(z.object({ sku: storableText.min(1), quantity: z.int().positive(), unitPriceMinor: amountMinor }))
    .min(1),
  /** Whether the payment follows the reservation by itself or waits until it is asked for. */
  payment: z.enum(['automatic', 'manual']).default('automatic'),
});

/** Counts the sagas of an order, from 0. */
const run = z.int32().nonnegative();

/** An order was accepted and is durable; the processor may begin. */
export const orderCreatedV1 = defineEvent('order.created.v1', orderData);

/** The customer wants an order with manual payment to be paid now. */
export const orderPaymentRequestedV1 = defineEvent('order.payment_requested.v1', orderData);

/** The customer wants the order undone. It may overtake `order.created`, which then finds the door closed. */
export const orderCancelRequestedV1 = defineEvent(
  'order.cancel_requested.v1',
  orderData.extend({ reason: storableText }),
);

/** Money is to go back to the customer; the refund's id makes repetitions harmless. */
export const orderRefundRequestedV1 = defineEvent(
  'order.refund_requested.v1',
  z.object({
    refundId: z.uuid().toLowerCase(),
    amountMinor: z.int().positive(),
    currency,
    reason: storableText,
  }),
);

/** Stock is held for the order. */
export const orderReservedV1 = defineEvent('order.reserved.v1', z.object({ run }));

/** The payment was captured. */
export const orderPaidV1 = defineEvent(
  'order.paid.v1',
  z.object({ run, paymentId: storableText.min(1), amountMinor, currency }),
);

/** The final reply about an order: the saga has ended, one way or the other. */
export const orderProcessedV1 = defineEvent(
  'order.processed.v1',
  z.discriminatedUnion('status', [
    z.object({ run, status: z.literal('completed') }),
    z.object({ run, status: z.literal('failed'), failure: failureSchema }),
  ]),
);

/** The order was cancelled: no stock is held for it, no money taken, and none will be. */
export const orderCancelledV1 = defineEvent('order.cancelled.v1', z.object({ run }));

/** It was too late to cancel. */
export const orderCancelRejectedV1 = defineEvent(
  'order.cancel_rejected.v1',
  z.object({ run, code: storableText.min(1), message: storableText }),
);

/** Money went back to the customer. `refundedMinor` is the total of all refunds; the last one also restocks. */
export const orderRefundedV1 = defineEvent(
  'order.refunded.v1',
  z.object({
    run,
    refundId: z.uuid().toLowerCase(),
    amountMinor: z.int().positive(),
    refundedMinor: z.int().positive(),
    full: z.boolean(),
    currency,
  }),
);

/** A refund was refused; no money moved. */
export const orderRefundRejectedV1 = defineEvent(
  'order.refund_rejected.v1',
  z.object({ run, refundId: z.uuid().toLowerCase(), code: storableText.min(1), message: storableText }),
);

/**
 * An operator did something about a dead letter of this order, or about its saga. It changes nothing about the order
 * and stands outside its sequence: `sequence` is the number of the action at the desk, which grows, with gaps.
 */
export const orderOperatorActedV1 = defineEvent(
  'order.operator_acted.v1',
  z.object({
    action: z.enum(['replayed', 'edited', 'discarded', 'resumed']),
    operator: storableText.min(1),
    /** The queue the letter lay in; absent for what was done to a saga. */
    queue: storableText.optional(),
    messageId: storableText.optional(),
    errorCode: storableText.optional(),
    reason: storableText.optional(),
    /** Id of the message that took its place, where it was edited. */
    replacedBy: storableText.optional(),
  }),
);

/** Every contract by its type and version. */
export const orderContracts = {
  'order.created.v1': orderCreatedV1,
  'order.payment_requested.v1': orderPaymentRequestedV1,
  'order.cancel_requested.v1': orderCancelRequestedV1,
  'order.refund_requested.v1': orderRefundRequestedV1,
  'order.reserved.v1': orderReservedV1,
  'order.paid.v1': orderPaidV1,
  'order.processed.v1': orderProcessedV1,
  'order.cancelled.v1': orderCancelledV1,
  'order.cancel_rejected.v1': orderCancelRejectedV1,
  'order.refunded.v1': orderRefundedV1,
  'order.refund_rejected.v1': orderRefundRejectedV1,
  'order.operator_acted.v1': orderOperatorActedV1,
} as const;

export type OrderMessageType = keyof typeof orderContracts;
/** A message by its type, e.g. `OrderMessageOf<'order.created.v1'>`. */
export type OrderMessageOf<Type extends OrderMessageType> = z.infer<(typeof orderContracts)[Type]>;
export type OrderMessage = OrderMessageOf<OrderMessageType>;
export type OrderCreated = OrderMessageOf<'order.created.v1'>;
export type OrderProcessed = OrderMessageOf<'order.processed.v1'>;

/** The routing key of a message is its type without the version: `order.created.v1` goes out as `order.created`. */
export function routingKeyOf(type: string): string {
  return type.replace(/\.v\d+$/, '');
}

/**
 * Reads the body of a message against the contract that its `type` names.
 *
 * @throws AppError `MALFORMED_MESSAGE` when it is not JSON or breaks the contract, `UNSUPPORTED_MESSAGE` when no
 * contract has that type and version; both permanent.
 */
export function parseOrderMessage(body: Buffer): OrderMessage {
  const parsed = parseJson(body);
  const type = (parsed as { type?: unknown } | null)?.type;
  if (typeof type !== 'string') throw malformed('the message has no CloudEvents type');
  if (!Object.hasOwn(orderContracts, type)) {
    throw new AppError({
      code: 'UNSUPPORTED_MESSAGE',
      kind: 'permanent',
      message: `no contract for messages of type ${type.slice(0, 100)}`,
    });
  }
  const result = orderContracts[type as OrderMessageType].safeParse(parsed);
  if (!result.success) throw malformed(`${type}: ${z.prettifyError(result.error)}`);
  return result.data;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw malformed('the body is not JSON', error);
  }
}

function malformed(message: string, cause?: unknown): AppError {
  return new AppError({ code: 'MALFORMED_MESSAGE', kind: 'permanent', message, cause });
}
