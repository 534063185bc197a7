import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '#shared/kernel/ids.ts';
import { shardCount, shardOf } from '#shared/outbox/outbox-message.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createNetworkLink } from './support/network-link.ts';
import { announcementsOf, countUnpublished, insertIntoOutbox } from './support/outbox.ts';
import { type RunningRelay, startRelay } from './support/running-relay.ts';
import { createTap, type Tap } from './support/tap.ts';

let broker: TestBroker;
let database: TestDatabase;
let tap: Tap;
let relays: RunningRelay[] = [];

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('order')]);
  tap = await createTap(broker);
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  relays = [];
  await database.pool.query('TRUNCATE outbox');
});
afterAll(() => Promise.all([broker.drop(), database.drop()]));

async function start(name: string, databaseUrl = database.url): Promise<RunningRelay> {
  const relay = await startRelay({ databaseUrl, amqpUrl: broker.urls['order-service'], name });
  relays.push(relay);
  return relay;
}

/** One announcement in every shard. */
function oneInEveryShard() {
  const orders = new Map<number, string>();
  while (orders.size < shardCount) {
    const orderId = newId();
    orders.set(shardOf(orderId), orderId);
  }
  return [...orders.values()].flatMap((orderId) => announcementsOf(orderId, 1));
}

async function publishInEveryShard(): Promise<string[]> {
  const rows = oneInEveryShard();
  await insertIntoOutbox(database.pool, rows);
  await eventually(async () => (await countUnpublished(database.pool)) === 0);
  return rows.map((row) => row.message_id);
}

async function untilBothShare(one: RunningRelay, other: RunningRelay): Promise<void> {
  await eventually(async () => {
    const ids = await publishInEveryShard();
    return [one, other].every((relay) => relay.delivered.some((id) => ids.includes(id)));
  });
}

describe('several relays at once', () => {
  test('lose nothing, repeat nothing and keep the order of every order, while orders are written concurrently', async () => {
    const orders = Array.from({ length: 300 }, () => newId());
    const rounds = 12;
    const one = await start('one');
    let other: RunningRelay | undefined;
    for (let round = 0; round < rounds; round += 1) {
      // The second one joins in the middle of the work.
      if (round === 4) other = await start('other');
      const portions = Array.from({ length: 4 }, (_, writer) =>
        orders.filter((_, index) => index % 4 === writer).flatMap((id) => announcementsOf(id, 1, round + 1)),
      );
      await Promise.all(portions.map((rows) => insertIntoOutbox(database.pool, rows)));
      if (round === 7) await untilBothShare(one, other!);
    }
    await eventually(async () => (await countUnpublished(database.pool)) === 0);

    const sequences = new Map<string, number[]>(orders.map((id) => [id, []]));
    for (const { body } of tap.messages) {
      const { subject, sequence } = JSON.parse(body.toString()) as { subject: string; sequence: number };
      sequences.get(subject)?.push(sequence);
    }
    const gapless = Array.from({ length: rounds }, (_, index) => index + 1);
    expect([...sequences].filter(([, seen]) => String(seen) !== String(gapless))).toEqual([]);
    // Both had their share of the work.
    expect(Math.min(one.delivered.length, other!.delivered.length)).toBeGreaterThan(100);
  });

  test('take over the shards of one that stops, and of one that dies', async () => {
    const link = await createNetworkLink(database.url);
    const [survivor, stopped, dead] = [
      await start('survivor'),
      await start('stopped'),
      await start('dead', link.url),
    ];
    await untilBothShare(survivor, stopped);
    await untilBothShare(survivor, dead);

    await stopped.stop();
    link.close();
    const ids = await publishInEveryShard();
    expect(survivor.delivered).toEqual(expect.arrayContaining(ids));
    await link.dispose();
  });

  test('start together and share all shards', async () => {
    const [one, other] = await Promise.all([start('one'), start('other')]);
    await untilBothShare(one, other);
    const ids = await publishInEveryShard();
    const [byOne, byOther] = [one, other].map(({ delivered }) => delivered.filter((id) => ids.includes(id)));
    expect(byOne!.length + byOther!.length).toBe(shardCount);
    expect(byOne).toHaveLength(shardCount / 2);
  });
});
