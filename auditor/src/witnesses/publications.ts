import type { Pool } from 'pg';
import { createOutboxAudit } from '#shared/outbox/outbox-audit.ts';
import { query, type Statement } from '#shared/postgres/statement.ts';

/** A row of an outbox beside what was really published. */
export interface Publication {
  readonly id: number;
  readonly messageId: string;
  readonly orderId: string;
  readonly type: string;
  readonly sequence: number;
  readonly payload: string;
  readonly createdAt: number;
  /** For the last time; `isRepeated`: not for the first. */
  readonly publishedAt: number | null;
  readonly isRepeated: boolean;
}

const columns = `
  id, message_id AS "messageId", order_id AS "orderId", type, sequence, payload,
  (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
  (extract(epoch FROM published_at) * 1000)::float8 AS "publishedAt",
  repeated_at IS NOT NULL AS "isRepeated"`;

const readPublications: Statement = {
  name: 'audit-publications',
  text: `SELECT ${columns} FROM outbox WHERE order_id = ANY ($1::uuid[]) ORDER BY id`,
};

const nextPublications: Statement = {
  name: 'audit-next-publications',
  text: `SELECT ${columns} FROM outbox WHERE id > $1 ORDER BY id LIMIT $2`,
};

/** From the young end, so that a short window does not cost what a long one does. */
const latestPublications: Statement = {
  name: 'audit-latest-publications',
  text: `SELECT ${columns} FROM outbox WHERE id < $1 ORDER BY id DESC LIMIT $2`,
};

const pageSize = 1_000;

/** An outbox as a witness. */
export function createPublications(pool: Pool) {
  return {
    outbox: createOutboxAudit({ pool }),
    /** All rows about these orders. */
    publicationsAbout: (orderIds: readonly string[]) =>
      query<Publication>(pool, readPublications, [orderIds]),
    /** All rows, page by page: those created since then, youngest first; or the whole, oldest first. */
    async *publications(since?: number): AsyncGenerator<readonly Publication[]> {
      const statement = since === undefined ? nextPublications : latestPublications;
      let position = since === undefined ? 0 : Number.MAX_SAFE_INTEGER;
      for (;;) {
        const page = await query<Publication>(pool, statement, [position, pageSize]);
        const last = page.at(-1);
        if (last === undefined) return;
        yield since === undefined ? page : page.filter(({ createdAt }) => createdAt >= since);
        if (page.length < pageSize || (since !== undefined && last.createdAt < since)) return;
        position = last.id;
      }
    },
  };
}
