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

  describe('a refund', () => {
    let paymentId: string;
    beforeEach(async () => {
      const charge = await gateway.charge(order('k'));
      paymentId = charge.outcome === 'captured' ? charge.paymentId : '';
    });
    const refund = (key: string, amountMinor: number, of = paymentId) =>
      gateway.refund({ paymentId: of, key, amountMinor });

    test('gives a part back once, however often it is asked for', async () => {
      await Promise.all(Array.from({ length: 10 }, () => refund('r', 500)));
      await refund('r', 500);
      expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500']);
      expect(await gateway.lookup({ key: 'k' })).toEqual(captured);
    });

    test('gives back in parts what was captured, until nothing is left', async () => {
      await refund('r1', 500);
      await refund('r2', 700);
      expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500', 'refunded k 700']);
      expect(await gateway.lookup({ key: 'k' })).toEqual(cancelled);
    });

    test.each<[string, () => Promise<void>, object]>([
      ['for more than is left', () => refund('r2', 701), { status: 422, providerCode: 'AMOUNT_TOO_LARGE' }],
      [
        'with the key of another amount',
        () => refund('r1', 499),
        { status: 422, providerCode: 'KEY_REUSED' },
      ],
      [
        'of a payment that never was',
        () => refund('r2', 1, 'pay_x'),
        { status: 404, providerCode: 'PAYMENT_NOT_FOUND' },
      ],
    ])('%s is refused for good', async (_what, ask, data) => {
      await refund('r1', 500);
      expect(await endOf(ask())).toMatchObject({ ...refused, data });
      expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500']);
    });

    test('of a payment that was cancelled is refused for good', async () => {
      await gateway.cancel({ key: 'k' });
      const data = { status: 409, providerCode: 'ILLEGAL_STATE' };
      expect(await endOf(refund('r', 1))).toMatchObject({ ...refused, data });
    });

    test.each(['error_after', 'reset_after', 'timeout_after', 'error_before', 'reset_before'])(
      'whose outcome is unknown (%s) is settled by the same key, and moves the money once',
      async (scenario) => {
        await sandbox.call('PUT', '/scenario', { scenario, remaining: 1, operations: ['refund'] });
        const impatient = gatewayTo(sandbox.url, { timeoutMs: 150 });
        expect(await endOf(impatient.refund({ paymentId, key: 'r', amountMinor: 500 }))).toMatchObject(
          unknown,
        );
        await refund('r', 500);
        expect(await sandbox.entries()).toEqual(['captured k 1200', 'refunded k 500']);
      },
    );

    test('that the provider was too busy for was not made', async () => {
      await sandbox.call('PUT', '/scenario', { scenario: 'rate_limited', remaining: 1 });
      expect(await endOf(refund('r', 500))).toMatchObject(unavailable);
      expect(await sandbox.entries()).toEqual(['captured k 1200']);
    });
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
      compensation_error_twice: { charge: captured, lookup: captured, ledger: ['captured'] },
      compensation_error_after: { charge: captured, lookup: captured, ledger: ['captured'] },
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

    test.each(['compensation_error_twice', 'compensation_error_after'])(
      '%s gives the money back in the end, and once, by refund and by cancellation',
      async (scenario) => {
        const insist = async (ask: () => Promise<void>): Promise<void> => {
          const ends = [await endOf(ask()), await endOf(ask()), await endOf(ask())];
          expect(ends[0]).toMatchObject(unknown);
          expect(ends.at(-1)).toBeUndefined();
        };
        const refunded = await gateway.charge(order('r', amountOf(scenario)));
        const paymentId = refunded.outcome === 'captured' ? refunded.paymentId : '';
        await insist(() => gateway.refund({ paymentId, key: 'refund', amountMinor: 500 }));
        await gateway.charge(order('c', amountOf(scenario)));
        await insist(() => gateway.cancel({ key: 'c' }));
        const amount = amountOf(scenario);
        expect(await sandbox.entries()).toEqual([
          `captured r ${amount}`,
          'refunded r 500',
          `captured c ${amount}`,
          `refunded c ${amount}`,
          'cancelled c 0',
        ]);
      },
    );

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
