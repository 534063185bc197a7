import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SCENARIOS, scenarioNamed } from '../scenarios.ts';
import { type RunningSandbox, startSandbox, until } from '../testing/running-sandbox.ts';

let sandbox: RunningSandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.stop());

const amountOf = (name: string) => ({ amountMinor: scenarioNamed(name)?.amountMinor });
const stateOf = (key: string) => sandbox.call('GET', `/payments/by-key/${key}`);
const force = (scenario: string, more: object = {}) =>
  sandbox.call('PUT', '/scenario', { scenario, ...more });
const held = async () => (await sandbox.call('GET', '/scenario')).body.held;
const allPlayed = async () => (await sandbox.call('GET', '/scenario')).body.scenario === null;
const unknown = { status: 404, body: { code: 'KEY_UNKNOWN' } };
const processing = { status: 200, body: { status: 'processing', payment: null } };
const internalError = { status: 500, body: { code: 'INTERNAL_ERROR' } };
const hungUp = { cause: { code: expect.stringMatching(/^(ECONNRESET|UND_ERR_SOCKET)$/) } };

describe('a magic amount', () => {
  test.each([
    ['declined_insufficient_funds', 'insufficient_funds'],
    ['declined_stolen_card', 'stolen_card'],
  ])('%s declines for the reason %s', async (name, reason) => {
    expect(await sandbox.charge('k', amountOf(name))).toMatchObject({
      status: 402,
      body: { code: 'PAYMENT_DECLINED', reason },
    });
    expect(await stateOf('k')).toMatchObject({ body: { status: 'declined', payment: { reason } } });
  });

  test('slow charges after a while', async () => {
    expect(await sandbox.charge('k', amountOf('slow'))).toMatchObject({ status: 201 });
  });

  test('hold charges when released; meanwhile the key is processing and a second request a conflict', async () => {
    const charge = sandbox.charge('k', amountOf('hold'));
    await until(async () => (await held()) === 1);
    expect(await stateOf('k')).toMatchObject(processing);
    expect(await sandbox.charge('k', amountOf('hold'))).toMatchObject({
      status: 409,
      body: { code: 'KEY_IN_FLIGHT' },
    });
    expect(await sandbox.charge('k')).toMatchObject({ status: 422, body: { code: 'KEY_REUSED' } });
    expect(await sandbox.entries()).toEqual([]);
    expect(await sandbox.call('POST', '/scenario/release')).toMatchObject({ body: { released: 1 } });
    expect(await charge).toMatchObject({ status: 201, body: { status: 'captured' } });
    expect(await held()).toBe(0);
  });

  test('error_before is 500 every time and does nothing', async () => {
    for (let n = 0; n < 4; n += 1) {
      expect(await sandbox.charge('k', amountOf('error_before'))).toMatchObject(internalError);
    }
    expect(await stateOf('k')).toMatchObject(unknown);
  });

  test('error_twice is 500 twice for each key, then charges', async () => {
    for (const key of ['k1', 'k2']) {
      expect(await sandbox.charge(key, amountOf('error_twice'))).toMatchObject(internalError);
      expect(await sandbox.charge(key, amountOf('error_twice'))).toMatchObject(internalError);
      expect(await sandbox.charge(key, amountOf('error_twice'))).toMatchObject({ status: 201 });
    }
    expect(await sandbox.entries()).toEqual(['captured k1 666503', 'captured k2 666503']);
  });

  test('error_after is 500, but the money is taken, and a repetition tells so', async () => {
    expect(await sandbox.charge('k', amountOf('error_after'))).toMatchObject(internalError);
    expect(await stateOf('k')).toMatchObject({ body: { status: 'captured' } });
    expect(await sandbox.charge('k', amountOf('error_after'))).toMatchObject({ status: 201 });
  });

  test('reset_before breaks the connection and does nothing', async () => {
    await expect(sandbox.charge('k', amountOf('reset_before'))).rejects.toMatchObject(hungUp);
    expect(await stateOf('k')).toMatchObject(unknown);
  });

  test('reset_after breaks the connection, but the money is taken', async () => {
    await expect(sandbox.charge('k', amountOf('reset_after'))).rejects.toMatchObject(hungUp);
    expect(await stateOf('k')).toMatchObject({ body: { status: 'captured' } });
  });

  test('timeout_after never answers, but the money is taken', async () => {
    const patience = new AbortController();
    const charge = sandbox.charge('k', amountOf('timeout_after'), { signal: patience.signal });
    await until(async () => (await sandbox.entries()).length === 1);
    patience.abort();
    await expect(charge).rejects.toThrow('aborted');
    expect(await stateOf('k')).toMatchObject({ body: { status: 'captured' } });
  });

  test('rate_limited is 429, says when to come back and does nothing', async () => {
    const reply = await sandbox.charge('k', amountOf('rate_limited'));
    expect(reply).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(reply.headers.get('retry-after')).toBe('1');
    expect(await stateOf('k')).toMatchObject(unknown);
  });

  test('compensation_declined charges, but gives no money back in any way', async () => {
    const captured = await sandbox.charge('k', amountOf('compensation_declined'));
    const authorized = await sandbox.charge('k2', { ...amountOf('compensation_declined'), capture: false });
    const declined = { status: 409, body: { code: 'COMPENSATION_DECLINED', reason: 'account_closed' } };
    const key = { 'idempotency-key': 'r' };
    expect(await sandbox.call('POST', `/payments/${captured.body.id}/refunds`, {}, key)).toMatchObject(
      declined,
    );
    expect(await sandbox.call('POST', `/payments/${authorized.body.id}/void`)).toMatchObject(declined);
    expect(await sandbox.call('POST', '/payments/by-key/k/cancel')).toMatchObject(declined);
    expect(await sandbox.call('POST', '/payments/by-key/k2/cancel')).toMatchObject(declined);
    expect(await sandbox.entries()).toEqual(['captured k 666409', 'authorized k2 666409']);
  });

  test('disturbs nobody else', async () => {
    await sandbox.charge('k', amountOf('error_before'));
    expect(await sandbox.charge('k2', { amountMinor: 666501 })).toMatchObject({ status: 201 });
  });
});

describe('the header x-sandbox-scenario', () => {
  test('plays a scenario whatever the amount', async () => {
    expect(await sandbox.charge('k', {}, { scenario: 'error_before' })).toMatchObject(internalError);
    expect(await sandbox.charge('k')).toMatchObject({ status: 201 });
  });

  test('disturbs other calls than charges too', async () => {
    await sandbox.charge('k');
    const scenario = { 'x-sandbox-scenario': 'error_after' };
    expect(await sandbox.call('POST', '/payments/by-key/k/cancel', undefined, scenario)).toMatchObject(
      internalError,
    );
    expect(await stateOf('k')).toMatchObject({ body: { status: 'cancelled' } });
  });

  test('is refused with the names that there are when it names none of them', async () => {
    const { status, body } = await sandbox.charge('k', {}, { scenario: 'eclipse' });
    expect(status).toBe(400);
    for (const { name } of SCENARIOS) expect(JSON.stringify(body)).toContain(name);
  });
});

describe('a forced scenario', () => {
  test('disturbs every call until it is lifted', async () => {
    expect(await force('error_before')).toMatchObject({
      body: { scenario: 'error_before', remaining: null, operations: null },
    });
    expect(await sandbox.charge('k', amountOf('declined_stolen_card'))).toMatchObject(internalError);
    expect(await stateOf('k')).toMatchObject(internalError);
    expect(await sandbox.call('POST', '/payments/by-key/k/cancel')).toMatchObject(internalError);
    expect(await sandbox.call('GET', '/ledger')).toMatchObject({ status: 200 });
    expect(await sandbox.call('DELETE', '/scenario')).toMatchObject({ status: 204 });
    expect(await sandbox.charge('k')).toMatchObject({ status: 201 });
  });

  test('ends by itself after as many calls as were asked for', async () => {
    await force('error_before', { remaining: 2 });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await sandbox.charge('k')).status);
    expect(statuses).toEqual([500, 500, 201]);
  });

  test('can be kept to some kinds of calls', async () => {
    await force('error_before', { operations: ['lookup'] });
    expect(await sandbox.charge('k')).toMatchObject({ status: 201 });
    expect(await stateOf('k')).toMatchObject(internalError);
  });

  test('leaves calls alone, and does not count them, that it has no meaning for', async () => {
    await force('declined_stolen_card', { remaining: 1 });
    expect(await stateOf('k')).toMatchObject(unknown);
    expect(await sandbox.charge('k')).toMatchObject({ status: 402 });
    expect(await sandbox.charge('k2')).toMatchObject({ status: 201 });
  });

  test('that is silence leaves nothing behind when the caller hangs up', async () => {
    await force('timeout_before', { remaining: 1 });
    const patience = new AbortController();
    const charge = sandbox.charge('k', {}, { signal: patience.signal });
    await until(allPlayed);
    patience.abort();
    await expect(charge).rejects.toThrow('aborted');
    expect(await stateOf('k')).toMatchObject(unknown);
  });

  test('must be one that there is', async () => {
    expect(await force('eclipse')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });
});

describe('a charge that takes its time', () => {
  test('is made although the caller has hung up', async () => {
    await sandbox.stop();
    sandbox = await startSandbox({ delays: { slow: 20, verySlow: 200 } });
    await force('very_slow', { remaining: 1 });
    const patience = new AbortController();
    const charge = sandbox.charge('k', {}, { signal: patience.signal });
    await until(allPlayed);
    patience.abort();
    await expect(charge).rejects.toThrow('aborted');
    await until(async () => (await sandbox.entries()).length === 1);
    expect(await sandbox.entries()).toEqual(['captured k 1200']);
  });

  test('is processing from the start when the provider is slow', async () => {
    await force('very_slow', { remaining: 1 });
    const charge = sandbox.charge('k');
    const ended = expect(charge).rejects.toMatchObject(hungUp);
    await until(allPlayed);
    expect(await stateOf('k')).toMatchObject(processing);
    await sandbox.stop();
    await ended;
    sandbox = await startSandbox();
  });

  test('is unknown as long as it is held up on the way', async () => {
    await force('late_arrival', { remaining: 1 });
    const charge = sandbox.charge('k');
    const ended = expect(charge).rejects.toMatchObject(hungUp);
    await until(allPlayed);
    expect(await stateOf('k')).toMatchObject(unknown);
    await sandbox.stop();
    await ended;
    sandbox = await startSandbox();
  });

  test('is refused when the key was cancelled while the provider worked on it', async () => {
    const charge = sandbox.charge('k', amountOf('hold'));
    await until(async () => (await held()) === 1);
    expect(await sandbox.call('POST', '/payments/by-key/k/cancel')).toMatchObject({
      body: { status: 'cancelled' },
    });
    await sandbox.call('POST', '/scenario/release');
    expect(await charge).toMatchObject({ status: 410, body: { code: 'KEY_CANCELLED' } });
    expect(await sandbox.entries()).toEqual(['cancelled k 0']);
  });

  test('is refused when the key was cancelled before it arrived', async () => {
    await sandbox.stop();
    sandbox = await startSandbox({ delays: { slow: 20, verySlow: 1_000 } });
    await force('late_arrival', { remaining: 1 });
    const charge = sandbox.charge('k');
    await until(allPlayed);
    expect(await sandbox.call('POST', '/payments/by-key/k/cancel')).toMatchObject({
      body: { status: 'cancelled' },
    });
    expect(await charge).toMatchObject({ status: 410, body: { code: 'KEY_CANCELLED' } });
    expect(await sandbox.entries()).toEqual(['cancelled k 0']);
  });

  test('twenty cancels against a held charge leave no money, in whatever order they run', async () => {
    const charges = Array.from({ length: 20 }, (_, n) => sandbox.charge(`k${n}`, amountOf('hold')));
    await until(async () => (await held()) === 20);
    const cancels = Array.from({ length: 20 }, (_, n) =>
      sandbox.call('POST', `/payments/by-key/k${n}/cancel`),
    );
    const release = sandbox.call('POST', '/scenario/release');
    await Promise.all([...charges, ...cancels, release]);
    const { body } = await sandbox.call('GET', '/ledger/summary');
    expect(body.cancelledKeys).toBe(20);
    for (const { netMinor } of body.currencies as { netMinor: number }[]) expect(netMinor).toBe(0);
  });
});
