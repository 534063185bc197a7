import { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { defineEvent } from './envelope.ts';

/** Why an order failed. `recoverable` failures may be replayed from the dead-letter queue. */
export const failureSchema = z.object({
  code: z.string().min(1),
  message: z.string(),
  recoverable: z.boolean(),
});
export type Failure = z.infer<typeof failureSchema>;

const amountMinor = z.int().nonnegative();
const currency = z.string().regex(/^[A-Z]{3}$/);

/** An order was accepted and is durable; the processor may begin. */
export const orderCreatedV1 = defineEvent(
  'order.created.v1',
  z.object({
    customerId: z.string().min(1),
    currency,
    totalMinor: amountMinor,
    items: z
      .array(z.object({ sku: z.string().min(1), quantity: z.int().positive(), unitPriceMinor: amountMinor }))
      .min(1),
  }),
);

/** Stock is held for the order. `run` counts the sagas of this order, from 0. */
export const orderReservedV1 = defineEvent('order.reserved.v1', z.object({ run: z.int().nonnegative() }));

/** The payment was captured. */
export const orderPaidV1 = defineEvent(
  'order.paid.v1',
  z.object({ run: z.int().nonnegative(), paymentId: z.string().min(1), amountMinor, currency }),
);

/** The final reply about an order: the saga has ended, one way or the other. */
export const orderProcessedV1 = defineEvent(
  'order.processed.v1',
  z.discriminatedUnion('status', [
    z.object({ run: z.int().nonnegative(), status: z.literal('completed') }),
    z.object({ run: z.int().nonnegative(), status: z.literal('failed'), failure: failureSchema }),
  ]),
);

export type OrderCreated = z.infer<typeof orderCreatedV1>;
export type OrderReserved = z.infer<typeof orderReservedV1>;
export type OrderPaid = z.infer<typeof orderPaidV1>;
export type OrderProcessed = z.infer<typeof orderProcessedV1>;
export type OrderMessage = OrderCreated | OrderReserved | OrderPaid | OrderProcessed;
export type OrderMessageType = OrderMessage['type'];

/** Every contract by its type and version. */
export const orderContracts = {
  'order.created.v1': orderCreatedV1,
  'order.reserved.v1': orderReservedV1,
  'order.paid.v1': orderPaidV1,
  'order.processed.v1': orderProcessedV1,
} as const satisfies Record<OrderMessageType, z.ZodType>;

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
