import type { Pool } from 'pg';
import type { Announcement } from '../audit/feeds.ts';
import type { WaitingMessage } from '../audit/outbox-is-fresh.ts';
import { query } from '../postgres/statement.ts';
import { nextAnnouncements, waitingMessages } from './audit-sql.ts';

/** What the auditor reads in an outbox; it changes nothing. Rejects with what the driver throws. */
export function createOutboxAudit({ pool }: { pool: Pool }) {
  return {
    /** The rows behind one, in the order in which they were inserted. */
    next: (after: number, limit: number) => query<Announcement>(pool, nextAnnouncements, [after, limit]),
    /** The oldest messages that have waited for so long. */
    waiting: (forMs: number, limit: number) => query<WaitingMessage>(pool, waitingMessages, [forMs, limit]),
  };
}
