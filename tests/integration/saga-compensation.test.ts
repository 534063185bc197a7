import { execFile } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { eventually } from '../support/eventually.ts';
import { magicAmounts } from '../support/load.ts';
import { createProcessorAlone, messagesAbout, type ProcessorAlone } from './support/processor-alone.ts';

const dlq = deadLetterQueueOf(queues.orderCreated);

let processor: ProcessorAlone;

beforeAll(async () => {
  processor = await createProcessorAlone({
    COMPENSATION_ATTEMPTS: '6',
    SAGA_REDRIVES: '2',
    PAYMENT_TIMEOUT_MS: '300',
  });
});
afterEach(() => processor.sandbox.lift());
afterAll(() => processor?.system.dispose());

/** An order that is given up while the provider neither charges nor cancels. */
async function givenUp() {
  const sku = await processor.stocked(10);
  await processor.sandbox.force('error_before', { operations: ['charge', 'cancel'] });
  const order = messagesAbout({ sku, amountMinor: 700 });
  const created = order.created();
  await processor.publish(created);
  const letter = await eventually(async () => (await processor.system.broker.drain(dlq))[0] ?? false);
  return { ...order, sku, letter };
}

function replay(letter: IncomingMessage): void {
  processor.system.broker.channel.publish('orders', 'order.created', letter.body, {
    messageId: letter.messageId,
    type: letter.type,
    headers: { 'x-replay-count': letter.replayCount + 1 },
  });
}

async function audit(orderId: string) {
  const { rows } = await processor.system.processorDatabase.pool.query(
    'SELECT id, action, operator, outcome, reason FROM operator_actions WHERE order_id = $1 ORDER BY id',
    [orderId],
  );
  return rows;
}

/** Runs `npm run sagas -- …`. */
function sagasCommand(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PROCESSOR_DATABASE_URL: processor.system.processorDatabase.url, NODE_NO_WARNINGS: '1' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['processor-service/src/cli/sagas/main.ts', ...args],
      { cwd: repositoryRoot, env },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

describe('a saga that is given up while the provider is away', () => {
  test('holds its stock until the money is made sure of, and its message does not wait for that', async () => {
    const { orderId, sku } = await givenUp();
    expect(['compensating', 'needs_attention']).toContain((await processor.saga(orderId)).state);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 9, reserved: 1, shipped: 0 });
    expect(await processor.typesAbout(orderId)).toEqual(['reserved']);
  });

  test('needs attention after so many attempts, and is undone when an operator resumes it', async () => {
    const { orderId, sku } = await givenUp();
    const stuck = await processor.becomes(orderId, 'needs_attention');
    expect(stuck).toMatchObject({
      attempts: 6,
      trouble: { code: 'PAYMENT_OUTCOME_UNKNOWN' },
      deadlineAt: null,
      failure: { code: 'PAYMENT_OUTCOME_UNKNOWN', recoverable: true },
    });
    expect(await processor.stockOf(sku)).toEqual({ onHand: 9, reserved: 1, shipped: 0 });

    await processor.sandbox.lift();
    const answer = await processor.resume(
      orderId,
      { 'x-operator': 'ada' },
      { reason: 'the provider is back' },
    );
    expect([answer.status, await answer.json()]).toMatchObject([200, { state: 'compensating', attempts: 0 }]);
    await processor.becomes(orderId, 'failed');
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
    expect(await processor.sandbox.movements(orderId)).toEqual(['cancelled 0']);

    const [line, ...others] = await audit(orderId);
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      action: 'resume',
      operator: 'ada',
      outcome: 'done',
      reason: 'the provider is back',
    });
    const told = await processor.announced(orderId);
    expect(told.map(({ type }) => type)).toEqual(['reserved', 'operator_acted', 'processed']);
    expect(told[1]?.data).toEqual({ action: 'resumed', operator: 'ada', reason: 'the provider is back' });
    const { rows } = await processor.system.processorDatabase.pool.query(
      `SELECT type, sequence FROM outbox WHERE order_id = $1 ORDER BY id`,
      [orderId],
    );
    // It stands outside the sequence of the saga's own announcements.
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, Number(line.id), 2]);
  });

  test('needs attention, too, when its stock cannot be released, whatever the provider says', async () => {
    const { orderId, sku } = await givenUp();
    const move = (pieces: number) =>
      processor.system.processorDatabase.pool.query(
        'UPDATE stock SET on_hand = on_hand + $2, reserved = reserved - $2 WHERE sku = $1',
        [sku, pieces],
      );
    await processor.becomes(orderId, 'needs_attention');
    await move(1);
    await processor.sandbox.lift();
    await processor.resume(orderId);
    expect(await processor.becomes(orderId, 'needs_attention')).toMatchObject({
      attempts: 6,
      trouble: { code: 'INTERNAL', message: `cannot release 1 of ${sku}` },
    });
    await move(-1);
    await processor.resume(orderId);
    await processor.becomes(orderId, 'failed');
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
  });

  test('lets a replay wait until it is undone, and then runs again', async () => {
    const { orderId, letter } = await givenUp();
    await processor.becomes(orderId, 'needs_attention');
    // Nothing but an operator helps: the replay is back among the dead letters.
    replay(letter);
    const again = await eventually(async () => (await processor.system.broker.drain(dlq))[0] ?? false);
    expect([again.replayCount, again.headers['x-error-code']]).toEqual([1, 'SAGA_BUSY']);

    await processor.resume(orderId);
    await eventually(async () => (await processor.saga(orderId)).attempts > 0);
    replay(again);
    await processor.sandbox.lift();
    await processor.becomes(orderId, 'completed');
    expect(await processor.saga(orderId)).toMatchObject({ run: 1, failure: null });
    expect(await processor.sandbox.movements(orderId)).toEqual(['cancelled 0', 'captured 700']);
    expect(await processor.system.broker.count(dlq)).toBe(0);
  });

  test('is cancelled instead of failed when that was asked for meanwhile', async () => {
    const { orderId, cancelRequested, sku } = await givenUp();
    await processor.publish(cancelRequested());
    await eventually(async () => (await processor.system.broker.count(queues.orderRequests)) === 0);
    await processor.sandbox.lift();
    // It may have needed attention by then, which the cancellation does not change.
    await eventually(async () => {
      const { state } = await processor.saga(orderId);
      if (state === 'needs_attention') await processor.resume(orderId);
      return state === 'cancelled';
    });
    const types = (await processor.typesAbout(orderId)).filter((type) => type !== 'operator_acted');
    expect(types).toEqual(['reserved', 'cancelled']);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
  });
});

describe('a compensation', () => {
  test('that the provider declines needs attention at once, and an operator resumes it from the command line', async () => {
    const amount = magicAmounts.neverAnswersAfterCharging;
    const order = messagesAbout({ amountMinor: amount });
    await processor.sandbox.force('compensation_declined', { operations: ['cancel'] });
    await processor.publish(order.created());
    await eventually(async () => (await processor.sandbox.movements(order.orderId)).length === 1);
    await processor.publish(order.cancelRequested());
    const stuck = await processor.becomes(order.orderId, 'needs_attention');
    expect(stuck).toMatchObject({ attempts: 1, trouble: { code: 'PAYMENT_PROTOCOL_ERROR' } });
    // The order's own message has nothing left to do, and is no dead letter.
    await eventually(async () => (await processor.system.broker.count(queues.orderCreated)) === 0);

    await processor.sandbox.lift();
    const listed = await sagasCommand('list', '--state', 'needs_attention');
    expect(listed.stdout).toContain(`${order.orderId}  needs_attention  run 0  1 failed attempt  PAYMENT_`);
    expect((await sagasCommand('show', order.orderId)).stdout).toContain('"cancelRequested": true');
    const resumed = await sagasCommand('resume', order.orderId, '--reason', 'talked to them');
    expect([resumed.code, resumed.stdout]).toEqual([0, expect.stringContaining(`resumed ${order.orderId}`)]);
    await processor.becomes(order.orderId, 'cancelled');
    expect(await processor.sandbox.movements(order.orderId)).toEqual([
      `captured ${amount}`,
      `refunded ${amount}`,
      'cancelled 0',
    ]);
    expect(await audit(order.orderId)).toMatchObject([{ action: 'resume', reason: 'talked to them' }]);
  });

  test.each(['error_after', 'reset_after', 'timeout_after', 'reset_before', 'rate_limited'])(
    'that meets "%s" is tried again until it is certain, and gives the money back once',
    async (scenario) => {
      const sku = await processor.stocked(10);
      const amount = magicAmounts.neverAnswersAfterCharging;
      const order = messagesAbout({ sku, amountMinor: amount });
      await processor.sandbox.force(scenario, { operations: ['cancel'], remaining: 2 });
      await processor.publish(order.created());
      await eventually(async () => (await processor.sandbox.movements(order.orderId)).length === 1);
      await processor.publish(order.cancelRequested());
      await processor.becomes(order.orderId, 'cancelled');
      expect(await processor.sandbox.movements(order.orderId)).toEqual([
        `captured ${amount}`,
        `refunded ${amount}`,
        'cancelled 0',
      ]);
      expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
    },
  );
});

describe('a saga whose message is gone', () => {
  /** Reserved, overdue, and in no queue. */
  async function abandoned(): Promise<string> {
    const order = messagesAbout({ payment: 'manual' });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'awaiting_payment');
    await processor.system.processorDatabase.pool.query(
      `UPDATE sagas SET state = 'reserved', payment_requested = true, deadline_at = now() WHERE order_id = $1`,
      [order.orderId],
    );
    return order.orderId;
  }

  test('is driven to its end by the watchdog', async () => {
    const orderId = await abandoned();
    await processor.becomes(orderId, 'completed');
    expect(await processor.sandbox.movements(orderId)).toEqual(['captured 1999']);
  });

  test('is given up after so many attempts, and runs again when an operator resumes it', async () => {
    await processor.sandbox.force('error_before', { operations: ['charge'] });
    const orderId = await abandoned();
    expect(await processor.becomes(orderId, 'failed')).toMatchObject({
      failure: { code: 'PAYMENT_OUTCOME_UNKNOWN', recoverable: true },
    });
    expect(await processor.system.broker.count(dlq)).toBe(0);
    await processor.sandbox.lift();
    const answer = await processor.resume(orderId);
    expect([answer.status, await answer.json()]).toMatchObject([200, { state: 'reserved', run: 1 }]);
    await processor.becomes(orderId, 'completed');
    expect(await processor.sandbox.movements(orderId)).toEqual(['cancelled 0', 'captured 1999']);
    expect(await processor.typesAbout(orderId)).toEqual([
      'reserved',
      'processed',
      'reserved',
      'operator_acted',
      'paid',
      'processed',
    ]);
  });
});

describe('what an operator asks', () => {
  test('is refused when the saga waits for nobody, and leaves no line in the audit', async () => {
    const order = messagesAbout({});
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'completed');
    const answer = await processor.resume(order.orderId);
    expect([answer.status, await answer.json()]).toMatchObject([
      409,
      { code: 'SAGA_NOT_RESUMABLE', allowed: ['needs_attention', 'completed', 'failed'] },
    ]);
    expect(await sagasCommand('resume', order.orderId)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('waits for nobody'),
    });
    expect(await audit(order.orderId)).toEqual([]);
    expect(await processor.typesAbout(order.orderId)).not.toContain('operator_acted');
  });

  test('needs a name, and an order that exists', async () => {
    expect((await processor.resume(newId(), {})).status).toBe(400);
    const unknown = await processor.resume(newId());
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: 'SAGA_NOT_FOUND' }]);
    expect(await sagasCommand('show', newId())).toMatchObject({ code: 1 });
    expect(await sagasCommand('show', 'nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not the id of an order'),
    });
    expect(await sagasCommand()).toMatchObject({ code: 2, stderr: expect.stringMatching(/^usage:/) });
    expect(await sagasCommand('resurrect')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^there is no command resurrect\n\nusage:/),
    });
  });

  test('is answered in pages, newest order first, by state', async () => {
    const orders = Array.from({ length: 5 }, () => messagesAbout({ payment: 'manual' }));
    await processor.publish(...orders.map((order) => order.created()));
    for (const { orderId } of orders) await processor.becomes(orderId, 'awaiting_payment');
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const url = `${processor.system.urls.processor}/sagas?state=awaiting_payment&limit=2${cursor}`;
      const page = (await (await fetch(url)).json()) as { items: { orderId: string }[]; nextCursor?: string };
      seen.push(...page.items.map(({ orderId }) => orderId));
      if (page.nextCursor === undefined) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual(
      orders
        .map(({ orderId }) => orderId)
        .sort()
        .reverse(),
    );
    expect((await fetch(`${processor.system.urls.processor}/sagas?state=lost`)).status).toBe(400);
  });
});
