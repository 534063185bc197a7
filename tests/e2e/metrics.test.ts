import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildTopology, retryQueueOf } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders } from '../support/grpc-client.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
});
afterAll(() => system?.dispose());

/** What a service tells, each sample as `name{labels}` with its value, without the label that is the same everywhere. */
async function scrape(service: 'order' | 'processor'): Promise<Map<string, number>> {
  const response = await fetch(`${system.urls[service]}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      const sample = line
        .slice(0, space)
        .replace(/,?service="[\w-]+",?/, '')
        .replace('{}', '');
      return [sample, Number(line.slice(space + 1))];
    }),
  );
}

test('what has not happened yet is told, so that the first time can be seen', async () => {
  const [order, processor] = [await scrape('order'), await scrape('processor')];
  for (const reason of ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'PAYMENT_DECLINED', 'PAYMENT_EXPIRED']) {
    expect(processor.get(`oms_saga_failed_total{reason="${reason}"}`)).toBe(0);
  }
  for (const outcome of ['confirmed', 'PUBLISH_RETURNED', 'PUBLISH_REFUSED', 'PUBLISH_UNCONFIRMED']) {
    const published = `oms_publish_duration_seconds_count{exchange="orders",outcome="${outcome}"}`;
    expect([order.get(published), processor.get(published)]).toEqual([0, 0]);
  }
  expect(order.get('oms_webhook_attempts_total{outcome="no answer"}')).toBe(0);
});

test('an order leaves its traces in the metrics of both services', async () => {
  const orders = orderClient(system.urls.order);
  const { id } = await orders.place(orderBody());
  await orders.becomes(id, 'completed');
  await fetch(`${system.urls.order}/orders/${id}`);
  await fetch(`${system.urls.order}/nowhere/${id}`);
  const client = connectOrders(system.grpcAddress);
  await call(client, client.getOrder, { orderId: id }).finally(() => client.close());

  const order = await scrape('order');
  const at = (sample: string) => order.get(sample) ?? 0;
  expect(at('oms_http_request_duration_seconds_count{method="POST",route="/orders",status="201"}')).toBe(1);
  expect(at('oms_http_request_duration_seconds_count{method="any",route="none",status="404"}')).toBe(1);
  expect(at('oms_grpc_call_duration_seconds_count{method="/oms.v1.OrderService/GetOrder",code="OK"}')).toBe(
    1,
  );
  expect(at('oms_publish_duration_seconds_count{exchange="orders",outcome="confirmed"}')).toBe(1);
  expect(at('oms_outbox_publishing_delay_seconds_count')).toBe(1);
  expect(order.get('oms_outbox_backlog')).toBe(0);
  expect(order.get('oms_outbox_oldest_unpublished_age_seconds')).toBe(0);
  const replies = 'queue="order-service.order.processed"';
  expect(at(`oms_messages_consumed_total{${replies},outcome="handled",code=""}`)).toBe(3);
  expect(at(`oms_message_handling_seconds_count{${replies}}`)).toBe(3);
  expect(at(`oms_message_waiting_seconds_count{${replies}}`)).toBe(3);
  expect(at(`oms_message_waiting_seconds_sum{${replies}}`)).toBeGreaterThan(0);
  expect(at(`oms_queue_messages{${replies}}`)).toBe(0);
  expect(at(`oms_queue_consumers{${replies}}`)).toBe(1);
  expect(order.get('oms_queue_messages{queue="order-service.order.processed.dlq"}')).toBe(0);
  for (const part of ['publisher', 'consumer', 'responder', 'queue meter']) {
    expect(at(`oms_broker_connection_state{connection="order-service ${part}",state="connected"}`)).toBe(1);
  }
  expect(at('oms_database_connections{state="idle"}')).toBeGreaterThan(0);
  expect(at('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  expect([...order.keys()].some((sample) => sample.startsWith('oms_build_info{version="'))).toBe(true);

  const processor = await scrape('processor');
  expect(processor.get('oms_payment_call_duration_seconds_count{operation="charge",outcome="ok"}')).toBe(1);
  expect(processor.get('oms_payment_circuit_state{state="closed"}')).toBe(1);
  expect(processor.get('oms_payment_circuit_state{state="open"}')).toBe(0);
  const created = 'queue="processor-service.order.created"';
  expect(processor.get(`oms_messages_consumed_total{${created},outcome="handled",code=""}`)).toBe(1);
  expect(processor.get('oms_saga_started_total')).toBe(1);
  expect(processor.get('oms_saga_completed_total')).toBe(1);
  expect(processor.get('oms_saga_compensated_total')).toBe(0);
  expect(processor.get('oms_saga_duration_seconds_count{outcome="completed",payment="automatic"}')).toBe(1);
  expect(processor.get('oms_active_sagas{activity="paying"}')).toBe(0);
});

test('every way in which an order or a message may end is counted', async () => {
  const orders = orderClient(system.urls.order);
  const before = await scrape('processor');
  const declined = await orders.place(orderBody({ amountMinor: 666_402 }));
  const unheardOf = await orders.place(orderBody({ sku: 'SKU-UNHEARD-OF' }));
  await Promise.all([orders.becomes(declined.id, 'failed'), orders.becomes(unheardOf.id, 'failed')]);
  // The same again, as a broker may always deliver it, and one that nobody can read.
  await system.orderDatabase.pool.query('UPDATE outbox SET published_at = NULL WHERE order_id = $1', [
    declined.id,
  ]);
  system.broker.channel.publish('orders', 'order.created', Buffer.from('not an order'));
  const created = 'queue="processor-service.order.created"';
  const after = await eventually(async () => {
    const samples = await scrape('processor');
    expect(samples.get(`oms_messages_consumed_total{${created},outcome="duplicate",code=""}`)).toBe(1);
    expect(samples.get('oms_queue_messages{queue="processor-service.order.created.dlq"}')).toBe(1);
    return samples;
  });
  const parked = `oms_messages_consumed_total{${created},outcome="parked",code="MALFORMED_MESSAGE"}`;
  const grown = (sample: string) => (after.get(sample) ?? 0) - (before.get(sample) ?? 0);
  expect(grown(parked)).toBe(1);
  expect(grown('oms_saga_started_total')).toBe(2);
  expect(grown('oms_saga_failed_total{reason="PAYMENT_DECLINED"}')).toBe(1);
  expect(grown('oms_saga_failed_total{reason="UNKNOWN_SKU"}')).toBe(1);
  expect(grown('oms_saga_compensated_total')).toBe(1);
  expect(grown('oms_saga_duration_seconds_count{outcome="failed",payment="automatic"}')).toBe(2);
});

test('sagas that wait are counted in the database, also by a process that did not begin them', async () => {
  const orders = orderClient(system.urls.order);
  const { id } = await orders.place({ ...orderBody(), payment: 'manual' });
  await orders.becomes(id, 'reserved');
  await system.stop('processor');
  await system.processorDatabase.pool.query(
    "UPDATE sagas SET deadline_at = now() + interval '1 hour', state = 'needs_attention' WHERE order_id = $1",
    [id],
  );
  await system.start('processor', { WATCHDOG_INTERVAL_MS: '3600000' });
  const processor = await scrape('processor');
  expect(processor.get('oms_saga_started_total')).toBe(0);
  expect(processor.get('oms_active_sagas{activity="awaiting_payment"}')).toBe(0);
  expect(processor.get('oms_sagas_needing_attention')).toBe(1);
  await system.processorDatabase.pool.query(
    "UPDATE sagas SET deadline_at = now() - interval '90 seconds', state = 'awaiting_payment' WHERE order_id = $1",
    [id],
  );
  const later = await scrape('processor');
  expect(later.get('oms_active_sagas{activity="awaiting_payment"}')).toBe(1);
  expect(later.get('oms_sagas_needing_attention')).toBe(0);
  expect(later.get('oms_sagas_overdue')).toBe(1);
  expect(later.get('oms_saga_overdue_seconds')).toBeGreaterThanOrEqual(90);
});

test('what waits in the outbox shows, and ids of orders do not', async () => {
  const { id } = await orderClient(system.urls.order).place(orderBody());
  await orderClient(system.urls.order).becomes(id, 'completed');
  await system.orderDatabase.pool.query(
    `UPDATE outbox SET published_at = NULL, next_attempt_at = now() + interval '1 hour',
       created_at = now() - interval '90 seconds' WHERE order_id = $1`,
    [id],
  );
  const order = await scrape('order');
  expect(order.get('oms_outbox_backlog')).toBe(1);
  expect(order.get('oms_outbox_oldest_unpublished_age_seconds')).toBeGreaterThanOrEqual(90);
  expect(JSON.stringify([...order, ...(await scrape('processor'))])).not.toContain(id);
});

test('while one queue is missing nothing is told of any, rather than of some, and all again once it is back', async () => {
  const { broker } = system;
  const told = async () =>
    [...(await scrape('processor')).keys()].filter((sample) => sample.startsWith('oms_queue_messages'))
      .length;
  const all = await eventually(async () => (await told()) || false);
  await broker.channel.deleteQueue(retryQueueOf(broker.retryDelaysMs[0] ?? 0));
  for (let scrapes = 0; scrapes < 5; scrapes += 1) expect(await told()).toBe(0);
  await declareTopology(broker.urls.topology, buildTopology(broker.retryDelaysMs));
  await eventually(async () => expect(await told()).toBe(all));
});
