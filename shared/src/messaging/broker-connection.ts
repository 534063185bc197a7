import { AsyncLocalStorage } from 'node:async_hooks';
import type { Channel, ChannelModel } from 'amqplib';
import { connect } from 'amqplib';
import type { Logger } from 'pino';
import { type Backoff, backoffDelay } from '../kernel/backoff.ts';
import { sleep } from '../kernel/sleep.ts';
import { createPulse } from '../process/pulse.ts';
import { forgetConnection, measureConnection } from './connection-metrics.ts';
import { writeInSets } from './write-in-sets.ts';

/** One connection to the broker that comes back by itself, until it is stopped. */
export interface BrokerConnection {
  /** Connects in the background and keeps doing so. */
  start(): void;
  /** `blocked`: connected, but the broker takes no messages because it is short of memory or disk. */
  state(): 'disconnected' | 'connected' | 'blocked';
  /** It is not connected and has not tried to be for minutes. (While it is, heartbeats watch over it.) */
  isStuck(): boolean;
  stop(): Promise<void>;
}

const reconnectBackoff: Backoff = { initialMs: 100, maximumMs: 5_000 };
const connectTimeoutMs = 10_000;
const heartbeatSeconds = 10;

/**
 * Keeps one AMQP connection alive. `attach` runs after every successful connect and opens the channels; `detach` runs
 * after every loss of the connection, before the next attempt. When a channel guarded by {@link guardChannel} dies by
 * itself, the whole connection is replaced: there is one way to recover, not two.
 */
export function createBrokerConnection(options: {
  url: string;
  name: string;
  logger: Logger;
  attach: (connection: ChannelModel) => Promise<void>;
  detach: () => void;
}): BrokerConnection {
  const { url, name, attach, detach } = options;
  const logger = options.logger.child({ connection: name });
  const stopping = new AbortController();
  /** A connection is not the work of whoever happened to need it first. */
  const onNobodysBehalf = AsyncLocalStorage.snapshot();
  const pulse = createPulse();
  let current: ChannelModel | undefined;
  let state: ReturnType<BrokerConnection['state']> = 'disconnected';
  let running: Promise<void> | undefined;

  /** Resolves when the connection has ended, with what ended it. Rejects when it could not be set up. */
  async function serve(onUp: () => void): Promise<Error | undefined> {
    const connection = await connect(withHeartbeat(url), {
      timeout: connectTimeoutMs,
      noDelay: true,
      keepAlive: true,
      clientProperties: { connection_name: name },
    });
    writeInSets(connection);
    const closed = new Promise<Error | undefined>((resolve) => {
      connection.on('close', resolve);
    });
    connection.on('error', (error) => logger.warn({ err: error }, 'broker connection failed'));
    connection.on('blocked', (reason) => {
      state = 'blocked';
      logger.warn({ reason }, 'broker takes no messages');
    });
    connection.on('unblocked', () => {
      state = 'connected';
      logger.info('broker takes messages again');
    });
    current = connection;
    try {
      // A stop that came before did not find it; a later one need not wait until it is set up.
      stopping.signal.throwIfAborted();
      await Promise.race([attach(connection), closed.then(failClosed)]);
    } catch (error) {
      await closeConnection(connection);
      throw error;
    }
    state = 'connected';
    onUp();
    return closed;
  }

  async function run(): Promise<void> {
    let failures = 0;
    let hasComplained = false;
    while (!stopping.signal.aborted) {
      pulse.beat();
      try {
        const reason = await serve(() => {
          failures = 0;
          hasComplained = false;
          logger.info('connected to the broker');
        });
        if (!stopping.signal.aborted) logger.warn({ reason: reason?.message }, 'broker connection lost');
      } catch (error) {
        // Once per outage; every attempt would say the same.
        if (!hasComplained && !stopping.signal.aborted)
          logger.warn({ err: error }, 'cannot connect to the broker');
        hasComplained = true;
      }
      current = undefined;
      state = 'disconnected';
      pulse.beat();
      detach();
      failures += 1;
      await sleep(backoffDelay(reconnectBackoff, failures), stopping.signal);
    }
  }

  return {
    start() {
      measureConnection(name, () => state);
      running ??= onNobodysBehalf(run);
    },
    state: () => state,
    isStuck: () => running !== undefined && state === 'disconnected' && pulse.isStuck(),
    async stop() {
      stopping.abort();
      if (current) await closeConnection(current);
      await running;
      forgetConnection(name);
    },
  };
}

/** Prepares a freshly opened channel: when the server closes it, the connection goes with it and comes back whole. */
export function guardChannel<C extends Channel>(channel: C, connection: ChannelModel, logger: Logger): C {
  channel.on('error', (error) => logger.error({ err: error }, 'broker closed a channel'));
  channel.on('close', () => void closeConnection(connection));
  return channel;
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(heartbeatSeconds));
  return parsed.toString();
}

function failClosed(reason: Error | undefined): never {
  throw reason ?? new Error('the connection closed while it was being set up');
}

/** Closes a connection that may be closed already, or closing: an error to amqplib and the wanted outcome here. */
export async function closeConnection(connection: ChannelModel): Promise<void> {
  // amqplib never answers when the connection is lost in the middle of it.
  const lost = new Promise((resolve) => connection.once('close', resolve));
  await Promise.race([connection.close().catch(() => undefined), lost]);
}
