import { Pool } from 'undici';
import type { PaymentGateway } from '../../application/ports/payment-gateway.ts';
import { exchange, type HttpAnswer, type HttpRequest, NoAnswer } from './http-exchange.ts';
import { failureWithoutAnswer, readCancel, readCharge, readLookup, readRefund } from './provider-answers.ts';
import { tracedCall } from './traced-call.ts';

/** The gateway with what its owner needs beside the port. */
export interface HttpPaymentGateway extends PaymentGateway {
  /** Whether the provider answers at all, for a readiness page. Never throws. */
  isReachable(): Promise<boolean>;
  /** Waits for the calls under way, then closes the connections. */
  close(): Promise<void>;
}

/**
 * The payment provider over HTTP. It tries every call exactly once and says precisely how it ended; who tries again, and
 * when, is up to the caller. The circuit breaker is a `PaymentGateway` around this one.
 *
 * @param baseUrl of the provider, a path prefix included if there is one
 * @param timeoutMs for one call, from the first moment to the last byte of the answer
 * @param connections kept open at most; calls beyond that wait in line, within their timeout
 */
export function createHttpPaymentGateway(options: {
  baseUrl: string;
  timeoutMs: number;
  connections: number;
}): HttpPaymentGateway {
  const { timeoutMs, connections } = options;
  const provider = new URL(options.baseUrl);
  const { origin, pathname } = provider;
  const prefix = pathname.replace(/\/$/, '');
  // `exchange` keeps the time of the whole call; undici's own timers for parts of it would only add work.
  const pool = new Pool(origin, {
    connections,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: timeoutMs },
  });

  const send = async (request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> => {
    try {
      return await exchange(pool, request, { timeoutMs, signal });
    } catch (error) {
      throw error instanceof NoAnswer ? failureWithoutAnswer(error) : error;
    }
  };

  const call = (template: string, request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> =>
    tracedCall(provider, `${prefix}${template}`, request, (traced) => send(traced, signal));

  const pathOf = (key: string): string => `${prefix}/payments/by-key/${encodeURIComponent(key)}`;

  return {
    async charge({ key, orderId, amountMinor, currency, signal }) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': key };
      const body = JSON.stringify({ reference: orderId, amountMinor, currency });
      const request: HttpRequest = { method: 'POST', path: `${prefix}/payments`, headers, body };
      return readCharge(await call('/payments', request, signal));
    },

    async lookup({ key, signal }) {
      return readLookup(await call('/payments/by-key/{key}', { method: 'GET', path: pathOf(key) }, signal));
    },

    async cancel({ key, signal }) {
      const request: HttpRequest = { method: 'POST', path: `${pathOf(key)}/cancel` };
      readCancel(await call('/payments/by-key/{key}/cancel', request, signal));
    },

    async refund({ paymentId, key, amountMinor, signal }) {
      const path = `${prefix}/payments/${encodeURIComponent(paymentId)}/refunds`;
      const headers = { 'content-type': 'application/json', 'idempotency-key': key };
      const request: HttpRequest = { method: 'POST', path, headers, body: JSON.stringify({ amountMinor }) };
      readRefund(await call('/payments/{id}/refunds', request, signal));
    },

    async isReachable() {
      try {
        const { status } = await send({ method: 'GET', path: `${prefix}/health/live` });
        return status === 200;
      } catch {
        return false;
      }
    },

    close: () => pool.close(),
  };
}
