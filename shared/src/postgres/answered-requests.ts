import type { Pool } from 'pg';
import type { AnsweredRequests, Claim, KeptAnswer } from '../idempotency/answered-requests.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { query, type Statement } from './statement.ts';

const claimRequest: Statement = {
  name: 'claim-request',
  text: `
    INSERT INTO answered_requests AS known (caller, operation, key, fingerprint, claimed_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (caller, operation, key) DO UPDATE
      SET fingerprint = excluded.fingerprint, answer = NULL,
          claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
      WHERE known.expires_at <= excluded.claimed_at
    RETURNING key`,
};

const findRequest: Statement = {
  name: 'find-request',
  text: 'SELECT fingerprint, answer FROM answered_requests WHERE caller = $1 AND operation = $2 AND key = $3',
};

const keepAnswer: Statement = {
  name: 'keep-answer',
  text: `
    UPDATE answered_requests SET answer = $5, expires_at = $6
    WHERE caller = $1 AND operation = $2 AND key = $3 AND claimed_at = $4`,
};

const releaseRequest: Statement = {
  name: 'release-request',
  text: `
    DELETE FROM answered_requests
    WHERE caller = $1 AND operation = $2 AND key = $3 AND claimed_at = $4 AND answer IS NULL`,
};

const deleteExpiredRequests: Statement = {
  name: 'delete-expired-requests',
  text: `
    DELETE FROM answered_requests
    WHERE (caller, operation, key) IN (
      SELECT caller, operation, key FROM answered_requests
      WHERE expires_at <= $1
      ORDER BY expires_at
      LIMIT $2
      FOR UPDATE SKIP LOCKED
    )`,
};

interface RequestRow {
  readonly fingerprint: string;
  readonly answer: KeptAnswer | null;
}

/** {@link AnsweredRequests} in the table `answered_requests`, which a database has where its service needs it. */
export function createAnsweredRequests({ pool }: { pool: Pool }): AnsweredRequests {
  return {
    claim: (scope, { fingerprint, now, lapsesAt }) =>
      withDatabaseErrors(async () => {
        const { caller, operation, key } = scope;
        const place = [caller, operation, key];
        const taken = await query(pool, claimRequest, [...place, fingerprint, now, lapsesAt]);
        if (taken.length > 0) return { outcome: 'claimed', claim: { scope, claimedAt: now } };
        const [known] = await query<RequestRow>(pool, findRequest, place);
        // Released or expired in between: the next attempt will find the key free.
        if (!known) return { outcome: 'under way' };
        if (known.fingerprint !== fingerprint) return { outcome: 'reused' };
        return known.answer ? { outcome: 'answered', answer: known.answer } : { outcome: 'under way' };
      }),

    keep: (claim, answer, expiresAt) =>
      withDatabaseErrors(async () => {
        await query(pool, keepAnswer, [...placeOf(claim), JSON.stringify(answer), expiresAt]);
      }),

    release: (claim) =>
      withDatabaseErrors(async () => {
        await query(pool, releaseRequest, placeOf(claim));
      }),

    deleteExpired: (now, limit) =>
      withDatabaseErrors(async () => {
        const { rowCount } = await pool.query({ ...deleteExpiredRequests, values: [now, limit] });
        return rowCount ?? 0;
      }),
  };
}

function placeOf({ scope: { caller, operation, key }, claimedAt }: Claim): unknown[] {
  return [caller, operation, key, claimedAt];
}
