import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request as it arrived. */
export interface ReceivedWebhook {
  readonly path: string;
  readonly headers: IncomingHttpHeaders & Record<string, string>;
  readonly body: string;
  /** When it was there. */
  readonly at: number;
}

/** Somebody who is told of orders: a server that keeps what it gets. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  /** How it answers; 204 by default. One that does nothing leaves the request hanging. */
  answer: (response: ServerResponse, request: ReceivedWebhook) => void;
  close(): Promise<void>;
}

/** @param options.tls the certificate with which it speaks TLS */
export async function startWebhookReceiver(
  options: { tls?: { cert: string; key: string } } = {},
): Promise<WebhookReceiver> {
  const { tls } = options;
  const host = '127.0.0.1';
  const received: ReceivedWebhook[] = [];
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const webhook = {
      path: request.url ?? '',
      headers: request.headers as ReceivedWebhook['headers'],
      body: await text(request),
      at: Date.now(),
    };
    received.push(webhook);
    receiver.answer(response, webhook);
  };
  // A sender that breaks off is its own affair.
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void receive(request, response).catch(() => undefined);
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.listen(0, host);
  await once(server, 'listening');
  const receiver: WebhookReceiver = {
    url: `${tls ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`,
    received,
    answer: (response) => response.writeHead(204).end(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

/** What the receiver was told of an order, as it happened there. */
export function typesAbout({ received }: WebhookReceiver, orderId: string): readonly string[] {
  return received
    .map(({ body }) => JSON.parse(body) as { type: string; data: { orderId: string; version: number } })
    .filter(({ data }) => data.orderId === orderId)
    .sort((a, b) => a.data.version - b.data.version)
    .map(({ type }) => type);
}
