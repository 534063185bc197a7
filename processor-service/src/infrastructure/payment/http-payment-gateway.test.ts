import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SCENARIOS, scenarioNamed } from '#payment-sandbox/scenarios.ts';
import { type RunningSandbox, startSandbox, until } from '#payment-sandbox/testing/running-sandbox.ts';
import type { PaymentGateway } from '../../application/ports/payment-gateway.ts';
import { createHttpPaymentGateway, type HttpPaymentGateway } from './http-payment-gateway.ts';

const unknown = { code: 'PAYMENT_OUTCOME_UNKNOWN', kind: 'transient' };
const unavailable = { code: 'PAYMENT_UNAVAILABLE', kind: 'transient' };
const refused = { code: 'PAYMENT_PROTOCOL_ERROR', kind: 'permanent' };
const captured = { outcome: 'captured', paymentId: expect.stringMatching(/^pay_/) };
const declined = (reason: string) => ({ outcome: 'declined', reason });
const absent = { outcome: 'absent' };
const cancelled = { outcome: 'cancelled' };

const order = (key: string, amountMinor = 1200) => ({
  key,
  orderId: 'order-1',
  amountMinor,
  currency: 'EUR',
});
const amountOf = (name: string): number => scenarioNamed(name)?.amountMinor as number;

/** What comes of a call: its outcome, or the error that it throws. */
const endOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function gatewayTo(
  baseUrl: string,
  options: { timeoutMs?: number; connections?: number } = {},
): HttpPaymentGateway {
  const gateway = createHttpPaymentGateway({ baseUrl, timeoutMs: 5_000, connections: 4, ...options });
  closers.push(() => gateway.close());
  return gateway;
}

describe('against the payment sandbox', () => {
  let sandbox: RunningSandbox;
  let gateway: HttpPaymentGateway;
  beforeEach(async () => {
    sandbox = await startSandbox({ delays: { slow: 10, verySlow: 60_000 } });
    closers.push(() => sandbox.stop());
    gateway = gatewayTo(sandbox.url);
  });
  const allPlayed = async () => (await sandbox.call('GET', '/scenario')).body.scenario === null;

  test('takes the money once, however often it is asked', async () => {
    const charges = await Promise.all(Array.from({ length: 20 }, () => gateway.charge(order('k'))));
    expect(charges[0]).toEqual(captured);
    for (const charge of charges) expect(charge).toEqual(charges[0]);
    expect(await gateway.lookup({ key: 'k' })).toEqual(charges[0]);
    expect(await sandbox.entries()).toEqual(['captured k 1200']);
  });

  test('charges in the name of the order', async () => {
    await gateway.charge({ key: 'k', orderId: 'order-77', amountMinor: 5, currency: 'USD' });
    const { body } = await sandbox.call('GET', '/ledger?reference=order-77');
    expect(body.items).toMatchObject([{ amountMinor: 5, currency: 'USD', kind: 'captured' }]);
  });

  test('gives the money back and keeps the key from being charged again', async () => {
    await gateway.charge(order('k'));
    await gateway.cancel({ key: 'k' });
    await gateway.cancel({ key: 'k' });
    expect(await gateway.lookup({ key: 'k' })).toEqual(cancelled);
    expect(await endOf(gateway.charge(order('k')))).toMatchObject({
      ...refused,
      data: { status: 410, providerCode: 'KEY_CANCELLED' },
    });
    expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 1200', 'cancelled k 0']);
  });

  test('cancels a key that was never charged, so that it never will be', async () => {
    await gateway.cancel({ key: 'k' });
    expect(await gateway.lookup({ key: 'k' })).toEqual(cancelled);
    expect(await endOf(gateway.charge(order('k')))).toMatchObject(refused);
    expect(await sandbox.entries()).toEqual(['cancelled k 0']);
  });

  test('handles keys with any characters in the look-up and the cancellation', async () => {
    const key = '0192f0c1/a?b#c%20:charge';
    await gateway.charge(order(key));
    expect(await gateway.lookup({ key })).toEqual(captured);
    await gateway.cancel({ key });
    expect(await gateway.lookup({ key })).toEqual(cancelled);
  });

  test('calls a key in flight an unknown outcome, in the charge and in the look-up', async () => {
    const charge = gateway.charge(order('k', amountOf('hold')));
    await until(async () => (await sandbox.call('GET', '/scenario')).body.held === 1);
    expect(await endOf(gateway.charge(order('k', amountOf('hold'))))).toMatchObject(unknown);
    expect(await endOf(gateway.lookup({ key: 'k' }))).toMatchObject(unknown);
    await sandbox.call('POST', '/scenario/release');
    expect(await charge).toEqual(captured);
  });

  test('calls a key that belongs to another payment a protocol error', async () => {
    await gateway.charge(order('k'));
    expect(await endOf(gateway.charge(order('k', 1)))).toMatchObject({
      ...refused,
      data: { status: 422, providerCode: 'KEY_REUSED' },
    });
  });

  test('a charge given up on, then cancelled, leaves no money when it is made after all', async () => {
    const patience = new AbortController();
    const charge = endOf(gateway.charge({ ...order('k', amountOf('hold')), signal: patience.signal }));
    await until(async () => (await sandbox.call('GET', '/scenario')).body.held === 1);
    patience.abort();
    expect(await charge).toMatchObject(unknown);
    await gateway.cancel({ key: 'k' });
    await sandbox.call('POST', '/scenario/release');
    expect(await gateway.lookup({ key: 'k' })).toEqual(cancelled);
    expect(await sandbox.entries()).toEqual(['cancelled k 0']);
  });

  test('sees the provider go and come back', async () => {
    expect(await gateway.isReachable()).toBe(true);
    await gateway.charge(order('k1'));
    await sandbox.stop();
    expect(await gateway.isReachable()).toBe(false);
    expect(await endOf(gateway.charge(order('k2')))).toMatchObject(unavailable);
    expect(await endOf(gateway.lookup({ key: 'k2' }))).toMatchObject(unavailable);
    expect(await endOf(gateway.cancel({ key: 'k2' }))).toMatchObject(unavailable);
  });

  describe('in each of its scenarios', () => {
    /** How the charge ends, what the look-up finds then, and what of the money is in the ledger. */
    const ends: Record<string, { charge: unknown; lookup: unknown; ledger: string[] }> = {
      declined_insufficient_funds: {
        charge: declined('insufficient_funds'),
        lookup: declined('insufficient_funds'),
        ledger: ['declined'],
      },
      declined_stolen_card: {
        charge: declined('stolen_card'),
        lookup: declined('stolen_card'),
        ledger: ['declined'],
      },
      slow: { charge: captured, lookup: captured, ledger: ['captured'] },
      very_slow: { charge: unknown, lookup: unknown, ledger: [] },
      late_arrival: { charge: unknown, lookup: absent, ledger: [] },
      hold: { charge: unknown, lookup: unknown, ledger: [] },
      timeout_before: { charge: unknown, lookup: absent, ledger: [] },
      timeout_after: { charge: unknown, lookup: captured, ledger: ['captured'] },
      error_before: { charge: unknown, lookup: absent, ledger: [] },
      error_twice: { charge: unknown, lookup: absent, ledger: [] },
      error_after: { charge: unknown, lookup: captured, ledger: ['captured'] },
      reset_before: { charge: unknown, lookup: absent, ledger: [] },
      reset_after: { charge: unknown, lookup: captured, ledger: ['captured'] },
      rate_limited: { charge: unavailable, lookup: absent, ledger: [] },
      compensation_declined: { charge: captured, lookup: captured, ledger: ['captured'] },
    };
    const unanswered = ['very_slow', 'late_arrival', 'hold', 'timeout_before', 'timeout_after'];

    test('there is an expectation for every scenario', () => {
      expect(Object.keys(ends)).toEqual(SCENARIOS.map(({ name }) => name));
    });

    test.each(Object.entries(ends))('%s ends as it should', async (name, expected) => {
      // Forced once, so that its being counted down shows when the charge has arrived.
      await sandbox.call('PUT', '/scenario', {
        scenario: name,
        remaining: 1,
        operations: ['charge', 'cancel'],
      });
      const patience = new AbortController();
      const charge = endOf(gateway.charge({ ...order('k'), signal: patience.signal }));
      if (unanswered.includes(name)) {
        await until(allPlayed);
        if (expected.ledger.length > 0) await until(async () => (await sandbox.entries()).length > 0);
        patience.abort();
      }
      expect(await charge).toMatchObject(expected.charge as object);
      expect(await endOf(gateway.lookup({ key: 'k' }))).toMatchObject(expected.lookup as object);
      expect((await sandbox.entries()).map((entry) => entry.split(' ')[0])).toEqual(expected.ledger);
    });

    test('error_twice is fine the third time', async () => {
      const charge = () => endOf(gateway.charge(order('k', amountOf('error_twice'))));
      expect(await charge()).toMatchObject(unknown);
      expect(await charge()).toMatchObject(unknown);
      expect(await charge()).toEqual(captured);
    });

    test('compensation_declined needs a person when the money is to be given back', async () => {
      await gateway.charge(order('k', amountOf('compensation_declined')));
      expect(await endOf(gateway.cancel({ key: 'k' }))).toMatchObject({
        ...refused,
        data: { providerCode: 'COMPENSATION_DECLINED' },
      });
      expect(await gateway.lookup({ key: 'k' })).toEqual(captured);
    });

    test.each(['error_after', 'reset_after'])(
      '%s of a cancellation is unknown, and a repetition tells',
      async (scenario) => {
        await gateway.charge(order('k'));
        await sandbox.call('PUT', '/scenario', { scenario, remaining: 1 });
        expect(await endOf(gateway.cancel({ key: 'k' }))).toMatchObject(unknown);
        await gateway.cancel({ key: 'k' });
        expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 1200', 'cancelled k 0']);
      },
    );
  });
});

describe('against a provider that does not keep to HTTP or to its contract', () => {
  /** A server that does what it is told with every connection on which something arrives. */
  async function listen(
    behave: (socket: Socket, request: string) => void,
  ): Promise<{ url: string; seen: () => number }> {
    let seen = 0;
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (bytes) => {
        seen += 1;
        behave(socket, bytes.toString());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen: () => seen };
  }

  const charge = (gateway: PaymentGateway, signal?: AbortSignal) =>
    endOf(gateway.charge(signal === undefined ? order('k') : { ...order('k'), signal }));
  const long = JSON.stringify({ id: 'pay_1', status: 'captured', more: ' '.repeat(70_000) });
  const head = 'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n';

  test.each<[string, (socket: Socket) => void]>([
    ['closes without a word', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['talks nonsense', (socket) => socket.end('220 mail.example ESMTP\r\n')],
    ['stops in the middle of the head', (socket) => socket.end('HTTP/1.1 201 Cre')],
    [
      'stops in the middle of the body',
      (socket) => socket.end(`${head}content-length: 99\r\n\r\n{"id":"pay_1","st`),
    ],
    ['sends a page', (socket) => socket.end(`${head}content-length: 4\r\n\r\n<br>`)],
    ['sends more than any answer has', (socket) => socket.end(`${head}\r\n${long}`)],
  ])('one that %s leaves the outcome unknown', async (_name, behave) => {
    const { url } = await listen(behave);
    expect(await charge(gatewayTo(url))).toMatchObject(unknown);
  });

  test('one that never answers leaves the outcome unknown when the time is up', async () => {
    const { url, seen } = await listen(() => {});
    expect(await charge(gatewayTo(url, { timeoutMs: 100 }))).toMatchObject(unknown);
    expect(seen()).toBe(1);
  });

  test('one that sends a byte now and then cannot stretch the time', async () => {
    const { url } = await listen((socket) => {
      socket.write(`${head}content-length: 1000000\r\n\r\n{`);
      const drip = setInterval(() => socket.write(' '), 5);
      socket.once('close', () => clearInterval(drip));
    });
    expect(await charge(gatewayTo(url, { timeoutMs: 100 }))).toMatchObject(unknown);
  });

  test('a charge that waited in line when it was given up was not sent, and never is', async () => {
    const { url, seen } = await listen(() => {});
    const gateway = gatewayTo(url, { connections: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const sent = charge(gateway, first.signal);
    await until(() => seen() === 1);
    const waiting = charge(gateway, second.signal);
    second.abort();
    expect(await waiting).toMatchObject(unavailable);
    first.abort();
    expect(await sent).toMatchObject(unknown);
    // The line moves on: were the second charge still in it, it would be the next to arrive.
    const third = new AbortController();
    const next = charge(gateway, third.signal);
    await until(() => seen() === 2);
    third.abort();
    expect(await next).toMatchObject(unknown);
    expect(seen()).toBe(2);
  });

  test('a charge that was given up before it was made is not sent', async () => {
    const { url, seen } = await listen(() => {});
    expect(await charge(gatewayTo(url), AbortSignal.abort())).toMatchObject(unavailable);
    expect(seen()).toBe(0);
  });

  test('nobody at the address is unavailable', async () => {
    const { url } = await listen(() => {});
    for (const close of closers.splice(0)) await close();
    const gateway = gatewayTo(url);
    expect(await charge(gateway)).toMatchObject(unavailable);
    expect(await gateway.isReachable()).toBe(false);
  });

  test('a name that does not resolve is unavailable', async () => {
    expect(await charge(gatewayTo('http://provider.invalid'))).toMatchObject(unavailable);
  });

  test('a gateway that has been closed sends nothing', async () => {
    const { url, seen } = await listen(() => {});
    const gateway = createHttpPaymentGateway({ baseUrl: url, timeoutMs: 5_000, connections: 1 });
    await gateway.close();
    expect(await charge(gateway)).toMatchObject(unavailable);
    expect(seen()).toBe(0);
  });

  test('a path in the base address stands before every path', async () => {
    const targets: string[] = [];
    const { url } = await listen((socket, request) => {
      targets.push(request.split(' ')[1] as string);
      socket.end('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n');
    });
    const gateway = gatewayTo(`${url}/provider/v1/`);
    await endOf(gateway.charge(order('k')));
    await endOf(gateway.lookup({ key: 'k' }));
    await endOf(gateway.cancel({ key: 'k' }));
    const root = '/provider/v1/payments';
    expect(targets).toEqual([root, `${root}/by-key/k`, `${root}/by-key/k/cancel`]);
  });
});
