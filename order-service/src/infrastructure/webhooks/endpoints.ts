import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIPv6, type LookupFunction } from 'node:net';
import { AppError } from '#shared/kernel/errors.ts';
import type {
  WebhookAnswer,
  WebhookEndpoints,
  WebhookRequest,
} from '../../application/ports/webhook-endpoints.ts';
import { type Destination, findDestination, type Resolve } from './destination.ts';
import type { Network } from './networks.ts';
import { readRetryAfter } from './retry-after.ts';

const longestResponse = 1_024;
const longestError = 200;

/**
 * Speaks to receivers. Each request is checked anew and gets a connection of its own, to the very addresses that were
 * checked: a name that changes in between changes nothing. Redirects are answers like any other, proxies are not asked.
 *
 * @param options.timeoutMs for all of it, finding the address included
 * @param options.authorities certificates to trust beside the usual ones
 */
export function createWebhookEndpoints(options: {
  resolve: Resolve;
  allowed: readonly Network[];
  timeoutMs: number;
  authorities?: readonly string[];
}): WebhookEndpoints {
  const { timeoutMs, authorities } = options;
  return {
    async check(url) {
      return (await findDestination(url, options)).url.href;
    },
    async post(request) {
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = AbortSignal.any([timeout, request.signal]);
      try {
        const destination = await orAborted(findDestination(request.url, options), signal);
        const answer = await exchange(destination, request, { signal, authorities });
        return await toAnswer(answer);
      } catch (error) {
        return { error: timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error) };
      }
    },
  };
}

/** Resolves as soon as the head of the response is there; once the request is over, it has been answered or has failed. */
function exchange(
  { url, addresses }: Destination,
  { headers, body }: WebhookRequest,
  options: { signal: AbortSignal; authorities?: readonly string[] | undefined },
): Promise<IncomingMessage> {
  const { signal, authorities } = options;
  const settings = {
    method: 'POST',
    agent: false as const,
    signal,
    lookup: answerWith(addresses),
    headers: {
      ...headers,
      'content-length': Buffer.byteLength(body),
      'user-agent': 'order-processor-webhooks',
      connection: 'close',
    },
  };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? https.request(url, { ...settings, ...(authorities ? { ca: [...authorities] } : {}) })
        : http.request(url, settings);
    request.once('response', resolve).on('error', reject);
    // Node ends a connection that the receiver wants to use for another protocol, and tells nobody else.
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
    request.end(body);
  });
}

/** Whatever name is asked for. */
function answerWith(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_hostname, { all }, answer) => {
    const [first] = found;
    if (all) answer(null, found);
    else answer(null, first?.address ?? '', first?.family);
  };
}

/** The status counts, whatever becomes of the body; of that only the beginning is read. */
async function toAnswer(message: IncomingMessage): Promise<WebhookAnswer> {
  const { statusCode, headers } = message;
  const response = await readBeginning(message);
  return { statusCode, retryAfterMs: readRetryAfter(headers['retry-after'], new Date()), response };
}

async function readBeginning(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= longestResponse) break;
    }
  } catch {
    // It broke off, or took too long: what there is will do.
  } finally {
    message.destroy();
  }
  return Buffer.concat(chunks).subarray(0, longestResponse).toString().replaceAll('\0', '\uFFFD');
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const abandoned = new AbortController();
  try {
    return await Promise.race([
      work,
      new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason), { signal: abandoned.signal });
      }),
    ]);
  } finally {
    abandoned.abort();
  }
}

/** For the delivery log, without addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message.slice(0, longestError);
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(typeof code === 'string' ? code : message).slice(0, longestError);
}
