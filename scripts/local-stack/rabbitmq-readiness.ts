import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import { type ChildProcess, explainExit } from './child-process.ts';
import { isManagementReady, listQueues, type ManagementAccess } from './rabbitmq-management.ts';
import { StackError } from './stack-error.ts';

interface Broker extends ManagementAccess {
  readonly amqpUrl: string;
}

const readyTimeoutMs = 60_000;
const notFound = 404;

/**
 * Waits until clients can work with a node that was just started: the management API answers, connections are
 * accepted, and every queue is there. A restarted node accepts connections a moment before the leaders of its streams
 * are elected, and denies until then that they exist.
 *
 * @throws StackError when the node ends or does not get that far.
 */
export async function waitUntilReady(broker: Broker, node: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    const outcome = await Promise.race([node.exited, findWhatIsMissing(broker)]);
    if (outcome === undefined) return;
    if (typeof outcome === 'object') throw new StackError(explainExit(node, outcome));
    if (Date.now() > deadline) {
      throw new StackError(
        `RabbitMQ started, but ${outcome} did not answer within ${readyTimeoutMs / 1000} s; "npm run reset" begins afresh.`,
      );
    }
    await delay(100);
  }
}

async function findWhatIsMissing(broker: Broker): Promise<string | undefined> {
  if (!(await isManagementReady(broker))) return 'its management API';
  try {
    const queues = Map.groupBy(await listQueues(broker), ({ vhost }) => vhost);
    for (const vhost of new Set(['/', ...queues.keys()])) {
      const names = (queues.get(vhost) ?? []).map(({ name }) => name);
      const missing = await findMissingQueue(`${broker.amqpUrl}/${encodeURIComponent(vhost)}`, names);
      if (missing !== undefined) return `the queue ${missing}`;
    }
    return undefined;
  } catch {
    return 'AMQP';
  }
}

async function findMissingQueue(url: string, names: readonly string[]): Promise<string | undefined> {
  const connection = await connect(url, { timeout: 2_000 });
  connection.on('error', () => undefined);
  try {
    for (const name of names) if (!(await hasQueue(connection, name))) return name;
    return undefined;
  } finally {
    await connection.close();
  }
}

/** A queue that somebody else has for himself is there, too. */
async function hasQueue(connection: ChannelModel, name: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await channel.checkQueue(name);
    await channel.close();
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== notFound;
  }
}
