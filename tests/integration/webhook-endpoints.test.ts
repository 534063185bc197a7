import http from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WebhookEndpoints } from '#order-service/application/ports/webhook-endpoints.ts';
import type { Resolve } from '#order-service/infrastructure/webhooks/destination.ts';
import { createWebhookEndpoints } from '#order-service/infrastructure/webhooks/endpoints.ts';
import { parseNetworks } from '#order-service/infrastructure/webhooks/networks.ts';
import { createResolve } from '#order-service/infrastructure/webhooks/resolve-name.ts';
import { eventually } from '../support/eventually.ts';
import { receiverCertificate, receiverKey } from '../support/receiver-certificate.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = await startWebhookReceiver();
});
afterEach(() => receiver.close());

function endpointsWith(resolve: Resolve, allowed = '127.0.0.0/8', timeoutMs = 2_000): WebhookEndpoints {
  return createWebhookEndpoints({ resolve, allowed: parseNetworks(allowed), timeoutMs });
}
const post = (endpoints: WebhookEndpoints, url: string, signal = new AbortController().signal) =>
  endpoints.post({ url, headers: { 'content-type': 'application/json' }, body: '{"a":1}', signal });
function* repeat(text: string): Generator<string> {
  for (;;) yield text;
}
const portOf = ({ url }: WebhookReceiver) => new URL(url).port;

describe('a request to a receiver', () => {
  test('goes to the address that was checked, whatever the name says a moment later', async () => {
    // A name server that answers an allowed address first, and ever after one that nobody was asked about.
    const answers = ['127.0.0.1'];
    let questions = 0;
    const endpoints = endpointsWith(async () => {
      questions += 1;
      return [answers.shift() ?? '169.254.169.254'];
    });
    const url = `http://rebinding.example:${portOf(receiver)}/hook`;
    expect(await post(endpoints, url)).toMatchObject({ statusCode: 204 });
    expect(questions).toBe(1);
    expect(receiver.received).toMatchObject([
      { path: '/hook', body: '{"a":1}', headers: { host: `rebinding.example:${portOf(receiver)}` } },
    ]);
    expect(await post(endpoints, url)).toEqual({ error: 'url: the host does not have a public address' });
    expect(receiver.received).toHaveLength(1);
  });

  test('is not made where the name led to a public address when it was subscribed, and to ours now', async () => {
    let address = '93.184.216.34';
    const endpoints = endpointsWith(async () => [address], '10.0.0.0/8');
    const url = `https://rebinding.example:${portOf(receiver)}/`;
    expect(await endpoints.check(url)).toBe(url);
    address = '127.0.0.1';
    expect(await post(endpoints, url)).toEqual({ error: 'url: the host does not have a public address' });
    expect(receiver.received).toEqual([]);
  });

  test('is not made at all to a listener on this machine without leave, in any spelling', async () => {
    const endpoints = endpointsWith(createResolve({ timeoutMs: 500 }), '10.0.0.0/8');
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
    ]) {
      for (const scheme of ['http', 'https']) {
        const answer = await post(endpoints, `${scheme}://${host}:${portOf(receiver)}/`);
        expect(answer.error).toMatch(/^url: /);
      }
    }
    expect(receiver.received).toEqual([]);
  });

  test('does not follow redirects', async () => {
    const other = await startWebhookReceiver();
    receiver.answer = (response) => response.writeHead(307, { location: other.url }).end();
    expect(
      await post(
        endpointsWith(async () => []),
        receiver.url,
      ),
    ).toMatchObject({ statusCode: 307 });
    expect(other.received).toEqual([]);
    await other.close();
  });

  test('asks no proxy', async () => {
    const proxy = await startWebhookReceiver();
    const { globalAgent } = http;
    // What NODE_USE_ENV_PROXY makes of every request that does not say otherwise.
    http.globalAgent = new http.Agent({ proxyEnv: { HTTP_PROXY: proxy.url } });
    try {
      http.get(receiver.url).on('error', () => undefined);
      await eventually(() => proxy.received.length === 1);
      expect(
        await post(
          endpointsWith(async () => []),
          receiver.url,
        ),
      ).toMatchObject({ statusCode: 204 });
    } finally {
      http.globalAgent = globalAgent;
    }
    expect(proxy.received).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
    await proxy.close();
  });

  test('reaches localhost where loopback is allowed', async () => {
    const endpoints = endpointsWith(createResolve({ timeoutMs: 500 }), '127.0.0.0/8,::1/128');
    const answer = await post(endpoints, `http://localhost:${portOf(receiver)}/`);
    expect(answer).toMatchObject({ statusCode: 204 });
  });
});

describe('a request over TLS', () => {
  const tls = { cert: receiverCertificate, key: receiverKey };
  const endpoints = createWebhookEndpoints({
    resolve: async () => ['127.0.0.1'],
    allowed: parseNetworks('127.0.0.0/8'),
    timeoutMs: 2_000,
    authorities: [receiverCertificate],
  });

  test('is made to the checked address in the name of the receiver, who has to prove that he is it', async () => {
    const secure = await startWebhookReceiver({ tls });
    const url = `https://receiver.example:${portOf(secure)}/`;
    expect(await post(endpoints, url)).toMatchObject({ statusCode: 204 });
    expect(secure.received).toMatchObject([{ headers: { host: `receiver.example:${portOf(secure)}` } }]);
    const another = url.replace('receiver', 'another');
    expect(await post(endpoints, another)).toEqual({ error: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const untrusting = endpointsWith(async () => ['127.0.0.1']);
    expect(await post(untrusting, url)).toEqual({ error: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(secure.received).toHaveLength(1);
    await secure.close();
  });

  test('never falls back to plain HTTP', async () => {
    expect(await post(endpoints, `https://receiver.example:${portOf(receiver)}/`)).toMatchObject({
      error: expect.stringMatching(/^(ERR_SSL|EPROTO)/),
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('an answer', () => {
  test('counts by its status, although its body never ends', async () => {
    receiver.answer = (response) => {
      response.writeHead(200);
      response.write('going on');
    };
    const endpoints = endpointsWith(async () => [], '127.0.0.0/8', 300);
    expect(await post(endpoints, receiver.url)).toMatchObject({ statusCode: 200, response: 'going on' });
  });

  test('is read no further than a KiB', async () => {
    let end: unknown;
    receiver.answer = (response) => {
      const endless = Readable.from(repeat('x'.repeat(65_536)));
      pipeline(endless, response.writeHead(500), (error) => {
        end = error?.code;
      });
    };
    const answer = await post(
      endpointsWith(async () => []),
      receiver.url,
    );
    expect(answer.response).toBe('x'.repeat(1_024));
    await eventually(() => expect(end).toBe('ERR_STREAM_PREMATURE_CLOSE'));
  });

  test.each([
    [
      'that breaks off',
      (receiver: WebhookReceiver) => void (receiver.answer = (response) => response.destroy()),
      'ECONNRESET',
    ],
    [
      'that is no HTTP',
      (receiver: WebhookReceiver) =>
        void (receiver.answer = (response) => response.socket?.end('SSH-2.0\r\n')),
      'HPE_INVALID_CONSTANT',
    ],
    [
      'by which the receiver would go on in another protocol',
      (receiver: WebhookReceiver) =>
        void (receiver.answer = (response) =>
          response.writeHead(101, { connection: 'upgrade', upgrade: 'websocket' }).end()),
      'the connection was closed without an answer',
    ],
  ])('%s is an error', async (_name, arrange, error) => {
    arrange(receiver);
    expect(
      await post(
        endpointsWith(async () => []),
        receiver.url,
      ),
    ).toEqual({ error });
  });

  test('that does not come is an error, also when it is the name that is not found in time', async () => {
    const never: Resolve = () => new Promise(() => undefined);
    expect(await post(endpointsWith(never, '', 100), 'https://silent.example/')).toEqual({
      error: 'no answer within 100 ms',
    });
  });

  test('is not waited for when the service gives up', async () => {
    receiver.answer = () => {};
    const giveUp = new AbortController();
    const answer = post(
      endpointsWith(async () => []),
      receiver.url,
      giveUp.signal,
    );
    giveUp.abort();
    expect((await answer).statusCode).toBeUndefined();
  });
});
