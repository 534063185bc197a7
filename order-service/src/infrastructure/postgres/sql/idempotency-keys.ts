import type { Statement } from '#shared/postgres/statement.ts';

/** The key $1, $2, $3 (caller, operation, key), unless it has expired by $4: then it makes room. */
export const findIdempotencyKey: Statement = {
  name: 'find-idempotency-key',
  text: `
    WITH expired AS (
      DELETE FROM idempotency_keys
      WHERE caller = $1 AND operation = $2 AND key = $3 AND expires_at <= $4
    )
    SELECT caller, operation, key, fingerprint, outcome, created_at, expires_at
    FROM idempotency_keys
    WHERE caller = $1 AND operation = $2 AND key = $3 AND expires_at > $4`,
};

/** Keeps the row $1 (JSON) unless its key has one that has not expired; answers with a row if it did. */
export const addIdempotencyKey: Statement = {
  name: 'add-idempotency-key',
  text: `
    INSERT INTO idempotency_keys AS known
    SELECT * FROM json_populate_record(NULL::idempotency_keys, $1)
    ON CONFLICT (caller, operation, key) DO UPDATE
      SET fingerprint = excluded.fingerprint, outcome = excluded.outcome,
          created_at = excluded.created_at, expires_at = excluded.expires_at
      WHERE known.expires_at <= excluded.created_at
    RETURNING key`,
};

/** Deletes at most $2 keys that have expired by $1; what another process is deleting already is left to it. */
export const deleteExpiredIdempotencyKeys: Statement = {
  name: 'delete-expired-idempotency-keys',
  text: `
    DELETE FROM idempotency_keys
    WHERE (caller, operation, key) IN (
      SELECT caller, operation, key FROM idempotency_keys
      WHERE expires_at <= $1
      ORDER BY expires_at
      LIMIT $2
      FOR UPDATE SKIP LOCKED
    )`,
};
