import { z } from 'zod';
import { text } from '#shared/http/text.ts';
import { type Order, orderStatuses, paymentModes, refundedMinorOf } from '../domain/order.ts';

const currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR');

const mostMinor = 1_000_000_000_000;

const money = z.strictObject({
  amountMinor: z
    .int()
    .nonnegative()
    .max(mostMinor)
    .describe('In minor units of the currency: 1999 is EUR 19.99'),
  currency,
});

const item = z.strictObject({
  sku: text(64),
  quantity: z.int().positive().max(1_000_000),
  unitPrice: money,
});

const mostMetadataEntries = 50;

export const placeOrderBody = z
  .strictObject({
    customerId: text(64),
    currency,
    items: z.array(item).min(1, 'must have at least one').max(100),
    payment: z
      .enum(paymentModes)
      .default('automatic')
      .describe(
        '`automatic`: paid as soon as stock is reserved; `manual`: when asked to, by `POST /orders/{id}/pay`',
      ),
    description: text(1_000).optional(),
    metadata: z
      .record(text(64), text(500))
      .refine((entries) => Object.keys(entries).length <= mostMetadataEntries, {
        message: `at most ${mostMetadataEntries} entries`,
      })
      .optional(),
  })
  .meta({
    example: {
      customerId: 'customer-1',
      currency: 'EUR',
      items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1999, currency: 'EUR' } }],
    },
  });
export type PlaceOrderBody = z.infer<typeof placeOrderBody>;

const reason = text(500).optional().describe('Kept in the history');

/** Requests without a body are as good as those with an empty one. */
export const cancelBody = z.strictObject({ reason }).nullish();

/** Nothing more is to be said. */
export const emptyBody = z.strictObject({}).nullish();

export const refundBody = z
  .strictObject({
    amountMinor: z
      .int()
      .positive()
      .max(mostMinor)
      .optional()
      .describe('In minor units; without it, everything that can still be refunded'),
    refundId: z
      .uuid()
      .toLowerCase()
      .optional()
      .describe(
        'Chosen by the caller: the same id again is the same refund. With an amount it is required, unless there is an idempotency key',
      ),
    reason,
  })
  .nullish();

export const ifMatchHeader = z.object({
  'if-match': z
    .string()
    .optional()
    .describe('ETag of the version this is meant for; 412 if it is another by now'),
});

export const orderIdParams = z.object({ id: z.uuid().toLowerCase() });

const orderStatus = z.enum(orderStatuses);

export const listQuery = z.strictObject({
  customerId: text(64).optional(),
  status: orderStatus.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(64).optional(),
});

export const orderResource = z
  .object({
    id: z.uuid(),
    customerId: z.string(),
    status: orderStatus,
    currency: z.string(),
    items: z.array(
      z.object({
        sku: z.string(),
        quantity: z.int(),
        unitPrice: z.object({ amountMinor: z.int(), currency: z.string() }),
      }),
    ),
    totalMinor: z.int(),
    description: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    failure: z.object({ code: z.string(), message: z.string(), recoverable: z.boolean() }).nullable(),
    payment: z.enum(paymentModes),
    paymentRequested: z.boolean().describe('Of a manual payment'),
    paidMinor: z.int().describe('What was captured'),
    refundedMinor: z.int().describe('What went back'),
    refunds: z.array(
      z.object({
        id: z.uuid(),
        amountMinor: z.int(),
        reason: z.string(),
        status: z.enum(['requested', 'refunded', 'rejected']),
      }),
    ),
    cancellation: z
      .object({
        status: z.enum(['requested', 'accepted', 'rejected']),
        reason: z.string(),
        message: z.string().optional().describe('Why it was rejected'),
      })
      .nullable(),
    version: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Order' });
export type OrderResource = z.infer<typeof orderResource>;

export const orderPage = z
  .object({
    items: z.array(orderResource),
    nextCursor: z.string().optional().describe('Pass it as cursor for the next page; absent on the last one'),
  })
  .meta({ id: 'OrderPage' });

export const timelineResource = z
  .object({
    orderId: z.uuid(),
    entries: z.array(
      z.object({
        at: z.iso.datetime(),
        kind: z.enum(['history', 'published', 'waiting', 'received', 'operator']),
        type: z.string(),
        detail: z
          .record(z.string(), z.unknown())
          .describe(
            'Of `history`: `version`, `actor` (`customer:…`, `operator:…` or the name of a service), `correlationId`, `traceId`, and `data` according to its type',
          ),
      }),
    ),
  })
  .meta({ id: 'Timeline' });

/** An order as the API shows it. */
export function toOrderResource(order: Order): OrderResource {
  const { id, customerId, status, currency, totalMinor, description, metadata, failure, version } = order;
  const { payment, paymentRequested, paidMinor, cancellation } = order;
  return {
    id,
    customerId,
    status,
    currency,
    items: order.items.map(({ sku, quantity, unitPriceMinor }) => ({
      sku,
      quantity,
      unitPrice: { amountMinor: unitPriceMinor, currency },
    })),
    totalMinor,
    description,
    metadata,
    failure,
    payment,
    paymentRequested,
    paidMinor,
    refundedMinor: refundedMinorOf(order),
    refunds: [...order.refunds],
    cancellation,
    version,
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
  };
}
