/** Declares the topology on the broker at AMQP_URL: `node rabbitmq/declare.ts`. Repeating it changes nothing. */
import { buildTopology, defaultRetryDelaysMs } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { parseRetryDelays } from '#shared/messaging/retry-delays.ts';

const { AMQP_URL: url, RETRY_DELAYS_MS: delays } = process.env;
if (!url) {
  console.error('AMQP_URL is not set: say which broker, for example amqp://oms:oms@127.0.0.1:5672');
  process.exit(1);
}
try {
  await declareTopology(url, buildTopology(delays ? parseRetryDelays(delays) : defaultRetryDelaysMs));
  console.log('the broker has all exchanges, queues and bindings');
} catch (error) {
  console.error(`cannot declare the topology: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
