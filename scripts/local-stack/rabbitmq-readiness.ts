import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import { type ChildProcess, explainExit } from './child-process.ts';
import { isManagementReady, listQueues, type ManagementAccess } from './rabbitmq-management.ts';
import { StackError } from './stack-error.ts';

const readyTimeoutMs = 90_000;
const notFound = 404;

/**
 * Waits until clients can work with a node that was just started: the management API answers, connections are
 * accepted, and every queue is there. A restarted node accepts connections a moment before the leaders of its streams
 * are elected, and denies until then that they exist.
 *
 * @throws StackError when the node ends or does not get that far.
 */
export async function waitUntilReady(
  server: ManagementAccess & { readonly amqpUrl: string },
  node: ChildProcess,
): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    const outcome = await Promise.race([node.exited, isReady(server)]);
    if (outcome === true) return;
    if (outcome !== false) throw new StackError(explainExit(node, outcome));
    if (Date.now() > deadline) {
      throw new StackError(`RabbitMQ did not answer within ${readyTimeoutMs / 1000} s; see its log.`);
    }
    await delay(100);
  }
}

async function isReady(server: ManagementAccess & { readonly amqpUrl: string }): Promise<boolean> {
  if (!(await isManagementReady(server))) return false;
  try {
    const queues = Map.groupBy(await listQueues(server), ({ vhost }) => vhost);
    for (const vhost of new Set(['/', ...queues.keys()])) {
      const names = (queues.get(vhost) ?? []).map(({ name }) => name);
      if (!(await hasQueues(`${server.amqpUrl}/${encodeURIComponent(vhost)}`, names))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function hasQueues(url: string, names: readonly string[]): Promise<boolean> {
  const connection = await connect(url, { timeout: 2_000 });
  connection.on('error', () => undefined);
  try {
    for (const name of names) if (!(await hasQueue(connection, name))) return false;
    return true;
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
    if ((error as { code?: unknown }).code === notFound) return false;
    return true;
  }
}
