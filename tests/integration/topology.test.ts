import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { buildTopology, queues, retryQueueOf } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { manage } from './support/management.ts';

let broker: TestBroker;
const virtualHosts: string[] = [];

beforeAll(async () => {
  broker = await createTestBroker();
});
afterEach(async () => {
  for (const name of virtualHosts.splice(0)) await manage('DELETE', `/api/vhosts/${name}`);
});
afterAll(() => broker.drop());

/** A virtual host with nothing in it, and its URL. */
async function createBlankHost(): Promise<{ name: string; url: string }> {
  const name = `test-${randomUUID()}`;
  const { username } = new URL(broker.url);
  await manage('PUT', `/api/vhosts/${name}`);
  await manage('PUT', `/api/permissions/${name}/${username}`, { configure: '.*', write: '.*', read: '.*' });
  virtualHosts.push(name);
  return { name, url: Object.assign(new URL(broker.url), { pathname: `/${name}` }).href };
}

type Definitions = Record<'exchanges' | 'queues' | 'bindings', Record<string, unknown>[]>;

/** What a virtual host contains, in an order that can be compared. */
async function contentsOf(virtualHost: string): Promise<Definitions> {
  const definitions = (await manage('GET', `/api/definitions/${virtualHost}`)) as Definitions;
  const sorted = (entries: Record<string, unknown>[]): Record<string, unknown>[] =>
    entries.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    exchanges: sorted(definitions.exchanges),
    queues: sorted(definitions.queues),
    bindings: sorted(definitions.bindings),
  };
}

describe('the topology on a real broker', () => {
  test('holds every exchange, queue and binding of the one source, with the same arguments', async () => {
    const topology = buildTopology(broker.retryDelaysMs);
    const contents = await contentsOf(broker.virtualHost);
    expect(contents.exchanges).toHaveLength(topology.exchanges.length);
    for (const { name, type } of topology.exchanges) {
      expect(contents.exchanges).toContainEqual(expect.objectContaining({ name, type, durable: true }));
    }
    expect(contents.queues).toHaveLength(topology.queues.length);
    for (const queue of topology.queues) {
      expect(contents.queues).toContainEqual(
        expect.objectContaining({ name: queue.name, arguments: queue.arguments, durable: true }),
      );
    }
    expect(contents.bindings).toHaveLength(topology.bindings.length);
    for (const { source, queue, routingKey, arguments: bindingArguments } of topology.bindings) {
      expect(contents.bindings).toContainEqual(
        expect.objectContaining({
          source,
          destination: queue,
          routing_key: routingKey,
          arguments: bindingArguments,
        }),
      );
    }
  });

  test('is the same whether it is declared or imported from definitions.json', async () => {
    const [declared, imported] = [await createBlankHost(), await createBlankHost()];
    await declareTopology(declared.url, buildTopology());
    const definitions = JSON.parse(await readFile(`${repositoryRoot}/rabbitmq/definitions.json`, 'utf8'));
    await manage('POST', `/api/definitions/${imported.name}`, definitions);
    expect(await contentsOf(imported.name)).toEqual(await contentsOf(declared.name));
    // The broker takes both for the same as well.
    await declareTopology(imported.url, buildTopology());
  });

  test('can be declared again and again', async () => {
    const before = await contentsOf(broker.virtualHost);
    await declareTopology(broker.url, buildTopology(broker.retryDelaysMs));
    expect(await contentsOf(broker.virtualHost)).toEqual(before);
  });
});

describe('a broker that has something else under the same name', () => {
  test('is refused in a sentence that names the queue and the argument', async () => {
    const { name, url } = await createBlankHost();
    await declareTopology(url, buildTopology());
    const path = `/api/queues/${name}/${queues.orderCreated}`;
    const queue = (await manage('GET', path)) as { arguments: Record<string, unknown> };
    await manage('DELETE', path);
    await manage('PUT', path, { durable: true, arguments: { ...queue.arguments, 'x-delivery-limit': 5 } });

    const stale = /x-delivery-limit.*processor-service\.order\.created/;
    await expect(declareTopology(url, buildTopology())).rejects.toThrow(stale);
    const command = declareAsProcess(url);
    await expect(command).rejects.toMatchObject({ code: 1 });
    const { stderr } = await command.catch((error: { stderr: string }) => error);
    expect(stderr).toMatch(/^cannot declare the topology: .*\n$/);
    expect(stderr).toMatch(stale);
  });

  test('gets what it lacks and keeps what it has: rungs of another ladder stay until somebody removes them', async () => {
    const { name, url } = await createBlankHost();
    await declareTopology(url, buildTopology([50]));
    const { stdout } = await declareAsProcess(url, { RETRY_DELAYS_MS: '50,70' });
    expect(stdout).toBe('the broker has all exchanges, queues and bindings\n');
    const names = (await contentsOf(name)).queues.map((queue) => queue['name']);
    expect(names).toEqual(expect.arrayContaining([retryQueueOf(50), retryQueueOf(70)]));
  });
});

function declareAsProcess(
  amqpUrl: string,
  settings: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ['rabbitmq/declare.ts'], {
    cwd: repositoryRoot,
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', AMQP_URL: amqpUrl, ...settings },
  });
}
