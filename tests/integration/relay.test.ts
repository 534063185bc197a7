import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { exchanges, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';
import {
  announcementsOf,
  countUnpublished,
  insertIntoOutbox,
  publicationOf,
  unroutable,
  unroutableKey,
} from './support/outbox.ts';
import { type RunningRelay, startRelay } from './support/running-relay.ts';
import { createTap, type Tap } from './support/tap.ts';

let broker: TestBroker;
let database: TestDatabase;
let link: NetworkLink;
let tap: Tap;
let relay: RunningRelay;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('order')]);
  link = await createNetworkLink(broker.url);
  // The event log takes everything; without it a message can be unroutable.
  await broker.channel.unbindQueue(queues.eventLog, exchanges.orders, '#');
  tap = await createTap(broker, ['order.created']);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await relay.stop();
  await database.pool.query('TRUNCATE outbox');
});
afterAll(async () => {
  await link.dispose();
  await Promise.all([broker.drop(), database.drop()]);
});

async function start(options: { amqpUrl?: string; pollIntervalMs?: number } = {}): Promise<RunningRelay> {
  relay = await startRelay({ databaseUrl: database.url, amqpUrl: broker.url, ...options });
  return relay;
}

function arrivals(...messageIds: string[]): string[] {
  return tap.messages.map(({ messageId }) => messageId).filter((id) => messageIds.includes(id));
}

async function isPublished(messageId: string): Promise<boolean> {
  return (await publicationOf(database.pool, messageId)).published_at !== null;
}

describe('the relay', () => {
  test('publishes a committed message as it is in the outbox and marks it', async () => {
    await start();
    const [row] = announcementsOf(newId(), 1);
    await insertIntoOutbox(database.pool, [row!]);
    await eventually(() => isPublished(row!.message_id));

    const message = tap.messages.find(({ messageId }) => messageId === row!.message_id);
    expect(message).toMatchObject({
      exchange: 'orders',
      routingKey: 'order.created',
      type: 'order.created.v1',
      correlationId: row!.correlation_id,
      contentType: 'application/cloudevents+json',
    });
    expect(message?.body.toString()).toBe(row!.payload);
  });

  test('looks at once when it is woken, not at its next poll', async () => {
    const running = await start({ pollIntervalMs: 600_000 });
    for (let round = 0; round < 5; round += 1) {
      const [row] = announcementsOf(newId(), 1);
      await insertIntoOutbox(database.pool, [row!]);
      running.wake();
      await eventually(() => isPublished(row!.message_id), { withinMs: 3_000 });
    }
  });

  test('publishes nothing that was not committed, and does not skip what was committed late', async () => {
    await start();
    const [late, rolledBack, prompt] = [newId(), newId(), newId()].map(
      (orderId) => announcementsOf(orderId, 1)[0]!,
    );
    const first = await database.pool.connect();
    const second = await database.pool.connect();
    await first.query('BEGIN');
    await insertIntoOutbox(first, [late!]);
    await second.query('BEGIN');
    await insertIntoOutbox(second, [rolledBack!]);
    await second.query('ROLLBACK');
    await insertIntoOutbox(database.pool, [prompt!]);
    await eventually(() => isPublished(prompt!.message_id));
    expect(arrivals(late!.message_id, rolledBack!.message_id)).toEqual([]);

    // Its id is lower than that of the one that has been published meanwhile.
    await first.query('COMMIT');
    await eventually(() => isPublished(late!.message_id));
    expect(arrivals(late!.message_id, rolledBack!.message_id)).toEqual([late!.message_id]);
    first.release();
    second.release();
  });

  test('marks a message only when it is confirmed, and otherwise publishes it again', async () => {
    await start({ amqpUrl: link.url });
    link.holdAnswers();
    const [row] = announcementsOf(newId(), 1);
    await insertIntoOutbox(database.pool, [row!]);
    await eventually(() => arrivals(row!.message_id).length === 1);
    expect(await isPublished(row!.message_id)).toBe(false);

    link.cut();
    await eventually(() => isPublished(row!.message_id));
    expect(arrivals(row!.message_id)).toHaveLength(2);
    // The broker had lost nothing: the message was not to blame.
    expect(await publicationOf(database.pool, row!.message_id)).toMatchObject({
      attempts: 0,
      last_error: null,
    });
  });

  test('finishes the batch under way when it is stopped', async () => {
    const running = await start({ amqpUrl: link.url });
    link.holdAnswers();
    const [row] = announcementsOf(newId(), 1);
    await insertIntoOutbox(database.pool, [row!]);
    await eventually(() => arrivals(row!.message_id).length === 1);
    const stopped = running.stop();
    link.releaseAnswers();
    await stopped;
    expect(await isPublished(row!.message_id)).toBe(true);
    expect(arrivals(row!.message_id)).toHaveLength(1);
  });
});

describe('a message that no queue wants', () => {
  test('holds back its own order only, says why, backs off, and goes out first once it is wanted', async () => {
    const [held, follower, other] = [...announcementsOf(newId(), 2), ...announcementsOf(newId(), 1)];
    const stuck = unroutable(held!);
    await insertIntoOutbox(database.pool, [stuck, follower!, other!]);
    await start();

    const first = await eventually(async () => {
      const publication = await publicationOf(database.pool, stuck.message_id);
      return publication.attempts === 1 && publication;
    });
    expect(first.last_error).toMatch(/^PUBLISH_RETURNED: .*order\.unheard/);
    const second = await eventually(async () => {
      const publication = await publicationOf(database.pool, stuck.message_id);
      return publication.attempts === 2 && publication;
    });
    // At least half a second after the second failure, which was not before the first delay had passed.
    const delayMs = second.next_attempt_at!.getTime() - first.next_attempt_at!.getTime();
    expect(delayMs).toBeGreaterThanOrEqual(500);
    await eventually(() => isPublished(other!.message_id));
    expect(await isPublished(follower!.message_id)).toBe(false);

    await tap.bind(unroutableKey);
    await eventually(() => isPublished(follower!.message_id));
    expect(arrivals(stuck.message_id, follower!.message_id, other!.message_id)).toEqual([
      other!.message_id,
      stuck.message_id,
      follower!.message_id,
    ]);
    await broker.channel.unbindQueue('tap', exchanges.orders, unroutableKey);
  });
});

test('a message that AMQP has no way to say waits by itself as well, and says why', async () => {
  const [[unspeakable], [other]] = [announcementsOf(newId(), 1), announcementsOf(newId(), 1)];
  // A property has 255 bytes at most.
  const tooLong = { ...unspeakable!, correlation_id: 'x'.repeat(256) };
  await insertIntoOutbox(database.pool, [tooLong, other!]);
  await start();
  await eventually(() => isPublished(other!.message_id));
  const { last_error } = await eventually(async () => {
    const publication = await publicationOf(database.pool, tooLong.message_id);
    return publication.attempts === 2 && publication;
  });
  expect(last_error).toMatch(/^PUBLISH_REFUSED: .* cannot be written: .*correlationId/);
});

describe('the relay and the servers', () => {
  test('keeps everything while the broker is away, and sends it in order when it is back', async () => {
    await start({ amqpUrl: link.url });
    link.close();
    const rows = announcementsOf(newId(), 5);
    for (const row of rows) await insertIntoOutbox(database.pool, [row]);
    expect(await countUnpublished(database.pool)).toBe(5);
    link.open();
    await eventually(async () => (await countUnpublished(database.pool)) === 0);
    const ids = rows.map((row) => row.message_id);
    expect(arrivals(...ids)).toEqual(ids);
    const { rows: blamed } = await database.pool.query('SELECT 1 FROM outbox WHERE attempts > 0');
    expect(blamed).toEqual([]);
  });

  test('carries on when its database session is ended again and again', async () => {
    await start();
    const orders = Array.from({ length: 40 }, () => newId());
    for (let round = 0; round < 5; round += 1) {
      await insertIntoOutbox(
        database.pool,
        orders.flatMap((orderId) => announcementsOf(orderId, 10, 1 + 10 * round)),
      );
      await eventually(async () => (await terminateRelaySessions()) > 0);
    }
    await eventually(async () => (await countUnpublished(database.pool)) === 0);
    for (const orderId of orders) {
      const sequences = tap.messages
        .map(({ body }) => JSON.parse(body.toString()) as { subject: string; sequence: number })
        .filter(({ subject }) => subject === orderId)
        .map(({ sequence }) => sequence);
      // Repetitions are allowed here; gaps and reversals are not.
      expect([...new Set(sequences)]).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    }
  });

  test('deletes what is published and was written longer ago than the retention, in portions, and nothing else', async () => {
    const [old, recent, unpublished] = [1_500, 3, 2].map((count) => announcementsOf(newId(), count));
    await insertIntoOutbox(database.pool, [...old!, ...recent!, ...unpublished!.map(unroutable)]);
    await database.pool.query(`UPDATE outbox SET created_at = now() - interval '61 minutes'`);
    const publish = `UPDATE outbox SET published_at = now(), created_at = now() - $1::interval WHERE order_id = $2`;
    await database.pool.query(publish, ['61 minutes', old![0]!.order_id]);
    await database.pool.query(publish, ['59 minutes', recent![0]!.order_id]);
    await start();
    const [stuck] = unpublished!;
    await eventually(async () => (await publicationOf(database.pool, stuck!.message_id)).last_error !== null);
    // It cleans now and then; a jump of the clock spares us the wait.
    const realNow = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => realNow() + 31_000);

    const remaining = await eventually(async () => {
      const { rows } = await database.pool.query<{ order_id: string; count: number }>(
        'SELECT order_id, count(*)::int AS count FROM outbox GROUP BY order_id',
      );
      return rows.length <= 2 && new Map(rows.map((row) => [row.order_id, row.count]));
    });
    expect(remaining).toEqual(
      new Map([
        [recent![0]!.order_id, 3],
        [unpublished![0]!.order_id, 2],
      ]),
    );
  });
});

async function terminateRelaySessions(): Promise<number> {
  const { rowCount } = await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'test relay' AND datname = current_database()`,
  );
  return rowCount ?? 0;
}
