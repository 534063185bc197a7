import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { bindingsOf, deadLetterQueueOf, queues, type WorkQueueName } from '#shared/contracts/topology.ts';
import { customerOf } from '../support/customer.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, placeOne } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { scrapeSamples } from '../support/scrape.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

// The event log takes every message: a work queue that has lost its bindings goes without, and nobody is told.
let system: TestSystem;
let witness: Witness;
let customer: ReturnType<typeof customerOf>;

beforeAll(async () => {
  system = await createTestSystem({ settings: { ANSWER_OVERDUE_MINUTES: '0.02' } });
  witness = await watch(system);
  customer = customerOf(system.urls.order);
});
afterAll(() => system?.dispose());
afterEach(async () => {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
});

const place = () => placeOne(witness, line('SKU-001', 1, 1_999));

/** Until their consumer subscribes again. */
async function unbind(queue: WorkQueueName): Promise<void> {
  for (const { source, routingKey } of bindingsOf(queue))
    await system.broker.channel.unbindQueue(queue, source, routingKey);
}

async function repeatedBy(service: 'order' | 'processor'): Promise<number> {
  const samples = await scrapeSamples(system.urls[service]);
  return samples.find(({ metric }) => metric === 'oms_messages_repeated_total')?.value ?? Number.NaN;
}

test('an order that never reached the processor-service is announced again', async () => {
  await system.stop('processor');
  await unbind(queues.orderCreated);
  const id = await place();
  await eventually(async () => (await witness.tapped()).some(({ subject }) => subject === id));
  await system.start('processor');
  await customer.becomes(id, 'completed');
  expect(await repeatedBy('order')).toBeGreaterThan(0);
  const complaints = system.logOf('order').filter((entry) => entry.includes('asking again'));
  expect(complaints.some((entry) => entry.includes(id))).toBe(true);
});

test('a wish that never reached the processor-service is repeated', async () => {
  const id = await place();
  await customer.becomes(id, 'completed');
  await system.stop('processor');
  await unbind(queues.orderRequests);
  expect(await witness.ask(id, 'refund')).toBe(202);
  const isAnnounced = ({ subject, type }: { subject: string; type: string }): boolean =>
    subject === id && type === 'order.refund_requested.v1';
  await eventually(async () => (await witness.tapped()).some(isAnnounced));
  await system.start('processor');
  await customer.becomes(id, 'refunded');
});

test('a processor-service that is asked again repeats the answer that was lost', async () => {
  await system.stop('processor');
  const id = await place();
  await system.stop('order');
  await unbind(queues.orderProcessed);
  await system.start('processor');
  const hasEnded = ({ subject, type }: { subject: string; type: string }): boolean =>
    subject === id && type === 'order.processed.v1';
  await eventually(async () => (await witness.tapped()).some(hasEnded));
  await system.start('order');
  expect(await customer.get(id)).toMatchObject({ status: 'pending' });
  await eventually(async () => (await customer.get(id)).status === 'completed', { withinMs: 40_000 });
  expect(await repeatedBy('processor')).toBeGreaterThan(0);
});

test('a processor-service that is asked about what it gave up repeats that, and keeps no second letter', async () => {
  const sandbox = sandboxClient(system.urls.sandbox);
  await sandbox.force('error_before', { operations: ['charge'] });
  await system.stop('processor');
  const id = await place();
  await system.stop('order');
  await unbind(queues.orderProcessed);
  await system.start('processor');
  const { pool } = system.processorDatabase;
  const restsSince = `SELECT FROM sagas WHERE order_id = $1 AND state = 'failed' AND updated_at < now() - interval '6 s'`;
  await eventually(async () => (await pool.query(restsSince, [id])).rowCount === 1);
  await sandbox.lift();
  await system.start('order');
  expect(await customer.get(id)).toMatchObject({ status: 'pending' });
  await customer.becomes(id, 'failed');
  expect(await system.broker.count(deadLetterQueueOf(queues.orderCreated))).toBe(1);
});
