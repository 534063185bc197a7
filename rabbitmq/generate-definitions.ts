/**
 * Writes `definitions.json`, for brokers that import their definitions instead of having them declared:
 * `node rabbitmq/generate-definitions.ts`. With `--check` it only tells whether the file is up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { buildTopology, type Topology } from '#shared/contracts/topology.ts';

const file = new URL('definitions.json', import.meta.url);
const virtualHost = '/';

/** The topology in the format of the management plugin's definitions import. */
function toDefinitions(topology: Topology): unknown {
  const common = { vhost: virtualHost, durable: true };
  return {
    vhosts: [{ name: virtualHost }],
    exchanges: topology.exchanges.map(({ name, type }) => ({
      ...common,
      name,
      type,
      auto_delete: false,
      internal: false,
      arguments: {},
    })),
    queues: topology.queues.map((queue) => ({
      ...common,
      name: queue.name,
      auto_delete: false,
      arguments: queue.arguments,
    })),
    bindings: topology.bindings.map((binding) => ({
      vhost: virtualHost,
      source: binding.source,
      destination: binding.queue,
      destination_type: 'queue',
      routing_key: binding.routingKey,
      arguments: binding.arguments,
    })),
  };
}

if (import.meta.main) {
  const wanted = `${JSON.stringify(toDefinitions(buildTopology()), null, 2)}\n`;
  if (process.argv.includes('--check')) {
    if ((await readFile(file, 'utf8')) !== wanted) {
      console.error('rabbitmq/definitions.json is not what the topology says: npm run generate');
      process.exit(1);
    }
    console.log('rabbitmq/definitions.json is what the topology says');
  } else {
    await writeFile(file, wanted);
    console.log('wrote rabbitmq/definitions.json');
  }
}
