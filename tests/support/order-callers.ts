import { randomUUID } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import {
  type CreateOrderRequest,
  OrderServiceClient,
  PaymentMode,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { call } from './grpc-client.ts';
import type { Answer, Witness } from './witness.ts';

/** A client with one connection of its own, which it keeps for as long as it is let. It never throws. */
export interface OrderCaller {
  /** Places an order over this amount, in cents, as a customer who wants nothing else, and tells the witness. */
  place(amountMinor: number): Promise<Answer>;
  close(): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpConnection {
  /** @throws Error when no whole answer came. */
  send(method: string, url: string, body?: unknown): Promise<HttpAnswer>;
  close(): void;
}

/** One connection at a time; a new one when the server wants to be rid of it, as HTTP clients do. */
export function keepConnection(): HttpConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    send: (method, url, body) =>
      new Promise((resolve, reject) => {
        const content = body === undefined ? '' : JSON.stringify(body);
        const headers = body === undefined ? {} : { 'content-type': 'application/json' };
        const sending = request(url, { method, agent, headers, timeout: 20_000 }, (response) => {
          const { statusCode: status = 0, headers: received } = response;
          text(response).then((whole) => resolve({ status, headers: received, body: whole }), reject);
        });
        sending.once('timeout', () => sending.destroy(new Error('no answer')));
        sending.once('error', reject);
        sending.end(content);
      }),
    close: () => agent.destroy(),
  };
}

const sku = 'SKU-001';

export function httpCaller(witness: Witness, baseUrl: string): OrderCaller {
  const connection = keepConnection();
  return {
    async place(amountMinor) {
      const customerId = `customer-${randomUUID()}`;
      const items = [{ sku, quantity: 1, unitPrice: { amountMinor, currency: 'EUR' } }];
      const answer = await connection
        .send('POST', `${baseUrl}/orders`, { customerId, currency: 'EUR', items })
        .then(({ status, body }): Answer => {
          if (status === 201)
            return { outcome: 'accepted', orderId: (JSON.parse(body) as { id: string }).id };
          return status < 500
            ? { outcome: 'refused', status }
            : { outcome: 'unknown', reason: `status ${status}` };
        })
        .catch((error: Error): Answer => ({ outcome: 'unknown', reason: error.message }));
      witness.remember({ customerId, totalMinor: amountMinor, answer });
      return answer;
    },
    close: connection.close,
  };
}

export function grpcCaller(witness: Witness, address: string): OrderCaller {
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.initial_reconnect_backoff_ms': 50 };
  const client = new OrderServiceClient(address, credentials.createInsecure(), options);
  return {
    async place(amountMinor) {
      const asked = orderOver(amountMinor);
      const answer = await call(client, client.createOrder, asked, { deadlineMs: 20_000 })
        .then(({ response }): Answer => ({ outcome: 'accepted', orderId: response.order?.id ?? '' }))
        .catch(({ message }: ServiceError): Answer => ({ outcome: 'unknown', reason: message }));
      witness.remember({ customerId: asked.customerId, totalMinor: amountMinor, answer });
      return answer;
    },
    close: () => client.close(),
  };
}

function orderOver(amountMinor: number): CreateOrderRequest {
  return {
    customerId: `customer-${randomUUID()}`,
    currency: 'EUR',
    items: [{ sku, quantity: 1, unitPrice: { currency: 'EUR', amountMinor: BigInt(amountMinor) } }],
    paymentMode: PaymentMode.UNSPECIFIED,
    description: undefined,
    metadata: {},
  };
}
