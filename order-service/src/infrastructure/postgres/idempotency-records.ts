import type { Pool } from 'pg';
import { keyInUse } from '#shared/idempotency/refusals.ts';
import { isUniqueViolation, withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import {
  type IdempotencyRecord,
  type IdempotencyRecords,
  type Outcome,
} from '../../application/ports/idempotency-records.ts';
import {
  addIdempotencyKey,
  deleteExpiredIdempotencyKeys,
  findIdempotencyKey,
} from './sql/idempotency-keys.ts';

interface KeyRow {
  readonly caller: string;
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly outcome: Outcome;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** The keys in order_db. */
export function createIdempotencyRecords({ pool }: { pool: Pool }): IdempotencyRecords {
  return {
    async find({ caller, operation, key }, now) {
      const rows = await withDatabaseErrors(() =>
        query<KeyRow>(pool, findIdempotencyKey, [caller, operation, key, now]),
      );
      return rows[0] && fromKeyRow(rows[0]);
    },

    add: (record) =>
      withDatabaseErrors(() =>
        withTakenKeys(async () => {
          const added = await query(pool, addIdempotencyKey, [JSON.stringify(toKeyRow(record))]);
          if (added.length === 0) throw keyInUse();
        }),
      ),

    async deleteExpired(now, limit) {
      const { rowCount } = await withDatabaseErrors(() =>
        pool.query({ ...deleteExpiredIdempotencyKeys, values: [now, limit] }),
      );
      return rowCount ?? 0;
    },
  };
}

/** Runs a statement that writes a key, for which somebody else may have been faster. */
export async function withTakenKeys<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isUniqueViolation(error, 'idempotency_keys_pkey') ? keyInUse() : error;
  }
}

export function toKeyRow({ createdAt, expiresAt, ...record }: IdempotencyRecord): KeyRow {
  return { ...record, created_at: createdAt, expires_at: expiresAt };
}

function fromKeyRow({
  created_at: createdAt,
  expires_at: expiresAt,
  outcome,
  ...row
}: KeyRow): IdempotencyRecord {
  return { ...row, outcome: withDates(outcome), createdAt, expiresAt };
}

/** JSON knows no dates. */
function withDates(outcome: Outcome): Outcome {
  if (!('order' in outcome)) return outcome;
  const { order } = outcome;
  return { order: { ...order, createdAt: new Date(order.createdAt), updatedAt: new Date(order.updatedAt) } };
}
