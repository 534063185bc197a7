import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
  expect(at('oms_database_connections{state="idle"}')).toBeGreaterThan(0);
  expect(at('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  expect([...order.keys()].some((sample) => sample.startsWith('oms_build_info{version="'))).toBe(true);

  const processor = await scrape('processor');
  expect(processor.get('oms_payment_call_duration_seconds_count{operation="charge",outcome="ok"}')).toBe(1);
  expect(processor.get('oms_payment_circuit_state{state="closed"}')).toBe(1);
  expect(processor.get('oms_payment_circuit_state{state="open"}')).toBe(0);
  const created = 'queue="processor-service.order.created"';
  expect(processor.get(`oms_messages_consumed_total{${created},outcome="handled",code=""}`)).toBe(1);
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
