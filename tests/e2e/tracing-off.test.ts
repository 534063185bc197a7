import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

let collector: TraceCollector;
let system: TestSystem;

/** Has a service say which modules of OpenTelemetry it loads. */
const tellModules = `
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      const [, name] = url.match(/node_modules\\/(@opentelemetry\\/[^/]+)/) ?? [];
      if (name !== undefined) console.log('loads ' + name);
      return next(url, context);
    },
  });`;
const telling = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tellModules)}`,
};

beforeAll(async () => {
  collector = await startTraceCollector();
  system = await createTestSystem({ services: ['sandbox'], settings: telling });
});
afterAll(async () => {
  await system?.dispose();
  await collector?.close();
});

const loadedBy = (name: 'order' | 'processor') =>
  new Set(system.logOf(name).flatMap((line) => /^loads (.*)$/.exec(line)?.[1] ?? []));

/** Does `work` while both services run with `settings`, and gives how they ended. */
async function whileRunning(
  settings: Readonly<Record<string, string>>,
  work: () => Promise<void>,
): Promise<readonly (number | null)[]> {
  await Promise.all([system.start('order', settings), system.start('processor', settings)]);
  await work();
  const exits = await Promise.all([system.stop('order'), system.stop('processor')]);
  return exits.map(({ code }) => code);
}

async function placeOne(): Promise<void> {
  const orders = orderClient(system.urls.order);
  const { id } = await orders.place(orderBody());
  await orders.becomes(id, 'completed');
}

// In this order: what a service has loaded, it has said for good.
describe('tracing', () => {
  test('is off by default, and nothing of the SDK is loaded', async () => {
    await whileRunning({}, placeOne);
    for (const name of ['order', 'processor'] as const)
      expect(loadedBy(name)).toEqual(new Set(['@opentelemetry/api']));
  });

  test.each([
    ['OTEL_SDK_DISABLED', 'true'],
    ['OTEL_TRACES_EXPORTER', 'none'],
  ])('stays off with %s=%s, wherever spans would go', async (variable, value) => {
    await whileRunning({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, [variable]: value }, placeOne);
    expect(collector.requests()).toBe(0);
    expect(loadedBy('order')).toEqual(new Set(['@opentelemetry/api']));
  });

  test('sends nothing of traces that are not sampled', async () => {
    const unsampled = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'always_off' };
    expect(await whileRunning(unsampled, placeOne)).toEqual([0, 0]);
    expect(collector.requests()).toBe(0);
  });

  test('sends what is left when a service stops', async () => {
    const patient = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '600000' };
    const exitCodes = await whileRunning(patient, async () => {
      await placeOne();
      expect(collector.requests()).toBe(0);
    });
    expect(exitCodes).toEqual([0, 0]);
    const services = new Set(collector.spans.map(({ service }) => service));
    expect(services).toEqual(new Set(['order-service', 'processor-service']));
    expect(loadedBy('order')).toContain('@opentelemetry/sdk-trace');
  });

  test('costs spans and nothing else while the collector is away', async () => {
    const nowhere = await startTraceCollector();
    await nowhere.close();
    const away = { OTEL_EXPORTER_OTLP_ENDPOINT: nowhere.url, OTEL_BSP_SCHEDULE_DELAY: '20' };
    const exitCodes = await whileRunning(away, async () => {
      for (let order = 0; order < 5; order += 1) await placeOne();
      await eventually(() => system.logOf('order').some((line) => line.includes('"msg":"spans are lost"')));
    });
    expect(exitCodes).toEqual([0, 0]);
  });
});
