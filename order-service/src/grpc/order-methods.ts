import type { Caller, Scope } from '#shared/auth/caller.ts';
import { replayedHeader } from '#shared/idempotency/key.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { ChangeOrder } from '../application/change-order.ts';
import { type Answer, refundIdFor } from '../application/idempotency.ts';
import type { PlaceOrder } from '../application/place-order.ts';
import type { ReadOrders } from '../application/read-orders.ts';
import type { WatchOrder } from '../application/watch-order.ts';
import type { OrderCommand } from '../domain/order-commands.ts';
import { toNewOrder } from '../http/order-routes.ts';
import { cancelBody, listQuery, orderIdParams, placeOrderBody, refundBody } from '../http/order-schemas.ts';
import type { CallContext, ServingDependencies } from './call-context.ts';
import {
  fromPaymentModeMessage,
  fromStatusMessage,
  toEventMessage,
  toOrderMessage,
  toStatusMessage,
} from './order-messages.ts';
import type {
  CreateOrderRequest,
  ListOrdersRequest,
  Money,
  Order,
  OrderServiceServer,
  RefundOrderRequest,
  WatchOrderRequest,
  WatchOrderResponse,
} from './protobuf/oms/v1/order_service.ts';
import { invalid, parse } from './request-fields.ts';
import { serveStream } from './stream-call.ts';
import { serveUnary, type UnaryMethod } from './unary-call.ts';

export interface OrderUseCases {
  readonly placeOrder: PlaceOrder;
  readonly changeOrder: ChangeOrder;
  readonly readOrders: ReadOrders;
  readonly watchOrder: WatchOrder;
}

/** The gRPC side of orders: the same functions as behind the REST API, under the same rules for what is given. */
export function createOrderMethods(
  dependencies: { useCases: OrderUseCases } & Omit<ServingDependencies, 'access'>,
): OrderServiceServer {
  const { useCases, ...serving } = dependencies;
  const { placeOrder, changeOrder, readOrders, watchOrder } = useCases;
  const serve = <Request, Response>(access: Scope, method: UnaryMethod<Request, Response>) =>
    serveUnary(method, { access, ...serving });

  async function change(
    request: { readonly orderId: string; readonly expectedVersion?: number | undefined },
    command: OrderCommand,
    context: CallContext,
  ): Promise<{ order: Order }> {
    const { caller, correlationId, traceparent, once, signal } = context;
    const { expectedVersion } = request;
    const answer = await changeOrder({
      orderId: idIn(request),
      command,
      caller,
      cause: { correlationId, traceparent },
      isExpected: (version) => expectedVersion === undefined || version === expectedVersion,
      once,
      signal,
    });
    return { order: orderOf(answer, context) };
  }

  /** The use case knows amounts in the order's currency only, which never changes. */
  async function assertCurrency(orderId: string, amount: Money, caller: Caller): Promise<void> {
    const { currency } = await readOrders.get(orderId, caller);
    if (amount.currency !== currency) {
      throw invalid([{ field: 'amount.currency', message: `must be that of the order, ${currency}` }]);
    }
  }

  async function refund(request: RefundOrderRequest, context: CallContext): Promise<{ order: Order }> {
    const { amount } = request;
    const given = parse(refundBody, {
      amountMinor: amount && Number(amount.amountMinor),
      refundId: request.refundId,
      reason: request.reason,
    });
    const { amountMinor, reason = '' } = given ?? {};
    const refundId = refundIdFor(given ?? {}, context.once);
    if (amount) await assertCurrency(idIn(request), amount, context.caller);
    return change(request, { type: 'refund', refundId, amountMinor, reason }, context);
  }

  async function* watch(
    request: WatchOrderRequest,
    { caller, signal }: CallContext,
  ): AsyncGenerator<WatchOrderResponse> {
    const { afterVersion: after } = request;
    if (after < 0) throw invalid([{ field: 'after_version', message: 'must not be negative' }]);
    const entries = (await watchOrder({ orderId: idIn(request), after, caller, signal })) ?? [];
    for await (const entry of entries) yield { event: toEventMessage(entry) };
  }

  return {
    createOrder: serve('orders:write', async (request, context) => {
      const { caller, correlationId, traceparent, once } = context;
      const order = toNewOrder(parse(placeOrderBody, toBody(request)));
      const answer = await placeOrder(order, { correlationId, traceparent }, caller, once);
      return { order: orderOf(answer, context) };
    }),

    getOrder: serve('orders:read', async (request, { caller }) => ({
      order: toOrderMessage(await readOrders.get(idIn(request), caller)),
    })),

    getOrderStatus: serve('orders:read', async (request, { caller }) => {
      const order = await readOrders.get(idIn(request), caller);
      return {
        orderId: order.id,
        status: toStatusMessage(order.status),
        version: order.version,
        failure: order.failure ?? undefined,
        updateTime: order.updatedAt,
      };
    }),

    listOrders: serve('orders:read', async (request, { caller }) => {
      const query = parse(listQuery, toQuery(request));
      const { items, nextCursor = '' } = await readOrders.list(query, caller);
      return { orders: items.map(toOrderMessage), nextPageToken: nextCursor };
    }),

    watchOrder: serveStream(watch, { access: 'orders:read', ...serving }),

    payOrder: serve('orders:write', (request, context) => change(request, { type: 'pay' }, context)),

    cancelOrder: serve('orders:write', async (request, context) => {
      const { reason = '' } = parse(cancelBody, { reason: request.reason }) ?? {};
      return change(request, { type: 'cancel', reason }, context);
    }),

    refundOrder: serve('orders:admin', refund),

    markOrderFinished: serve('orders:admin', (request, context) =>
      change(request, { type: 'fulfil' }, context),
    ),
  };
}

/** The order that was answered; says so in the trailing metadata if it was answered before. */
function orderOf({ order, replayed }: Answer, { trailer }: CallContext): Order {
  if (replayed) trailer.set(replayedHeader, 'true');
  return toOrderMessage(order);
}

/** @throws AppError `VALIDATION_FAILED` */
function idIn({ orderId }: { readonly orderId: string }): string {
  const { id } = parse(orderIdParams, { id: orderId });
  learn({ orderId: id });
  return id;
}

function toBody({ customerId, currency, items, paymentMode, description, metadata }: CreateOrderRequest) {
  return {
    customerId,
    currency,
    items: items.map(({ sku, quantity, unitPrice }) => ({
      sku,
      quantity,
      unitPrice: unitPrice && {
        amountMinor: Number(unitPrice.amountMinor),
        currency: unitPrice.currency,
      },
    })),
    payment: fromPaymentModeMessage(paymentMode),
    description,
    metadata,
  };
}

function toQuery({ customerId, status, pageSize, pageToken }: ListOrdersRequest) {
  return {
    customerId,
    status: fromStatusMessage(status),
    limit: pageSize === 0 ? undefined : pageSize,
    cursor: pageToken === '' ? undefined : pageToken,
  };
}
