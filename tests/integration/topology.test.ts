import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTopology } from '#shared/contracts/topology.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { testInfrastructure } from '../support/infrastructure.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await createTestBroker();
});
afterAll(() => broker.drop());

async function definitionsOfTheBroker(): Promise<Record<string, unknown[]>> {
  const { managementUrl, username, password } = testInfrastructure();
  const response = await fetch(`${managementUrl}/api/definitions/${encodeURIComponent(broker.virtualHost)}`, {
    headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
  });
  return (await response.json()) as Record<string, unknown[]>;
}

describe('the topology on a real broker', () => {
  test('holds every exchange, queue and binding of the one source, with the same arguments', async () => {
    const topology = buildTopology(broker.retryDelaysMs);
    const { exchanges, queues, bindings } = await definitionsOfTheBroker();
    expect(exchanges).toHaveLength(topology.exchanges.length);
    for (const { name, type } of topology.exchanges) {
      expect(exchanges).toContainEqual(expect.objectContaining({ name, type, durable: true }));
    }
    expect(queues).toHaveLength(topology.queues.length);
    for (const queue of topology.queues) {
      expect(queues).toContainEqual(
        expect.objectContaining({ name: queue.name, arguments: queue.arguments, durable: true }),
      );
    }
    expect(bindings).toHaveLength(topology.bindings.length);
    for (const { source, queue, routingKey, arguments: bindingArguments } of topology.bindings) {
      expect(bindings).toContainEqual(
        expect.objectContaining({
          source,
          destination: queue,
          routing_key: routingKey,
          arguments: bindingArguments,
        }),
      );
    }
  });
});
