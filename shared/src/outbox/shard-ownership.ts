import type { Client } from 'pg';
import { query } from '../postgres/statement.ts';
import { shardCount } from './outbox-message.ts';
import { acquireShards, countRelays, joinRelays, releaseShards } from './sql.ts';

/** First key of our advisory locks; the second is the shard, or this one for the mere presence of a relay. */
const lockClass = 20_617;
const presence = 1_000;

/** The shards that one database session owns. They fall free the moment the session ends, however it ends. */
export interface ShardOwnership {
  owned(): readonly number[];
  /** Gives up or takes shards until this relay has its fair share. Call it between batches only. */
  rebalance(): Promise<void>;
}

/** Joins the relays of this database on `session`. */
export async function joinShardOwnership(session: Client): Promise<ShardOwnership> {
  let owned: number[] = [];
  await query(session, joinRelays, [lockClass, presence]);

  return {
    owned: () => owned,
    async rebalance() {
      const [row] = await query<{ relays: number }>(session, countRelays, [lockClass, presence]);
      const share = Math.ceil(shardCount / Math.max(1, row?.relays ?? 1));
      if (owned.length > share) {
        const surplus = owned.slice(share);
        await query(session, releaseShards, [lockClass, surplus]);
        owned = owned.slice(0, share);
      } else if (owned.length < share) {
        const others = Array.from({ length: shardCount }, (_, shard) => shard).filter(
          (shard) => !owned.includes(shard),
        );
        const taken = await query<{ shard: number }>(session, acquireShards, [
          lockClass,
          others,
          share - owned.length,
        ]);
        owned = [...owned, ...taken.map(({ shard }) => shard)];
      }
    },
  };
}
