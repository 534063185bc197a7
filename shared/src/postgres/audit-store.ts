import type { Pool } from 'pg';
import type { AuditStatus, AuditStore, KeptFinding, Progress } from '../audit/audit-store.ts';
import type { Finding } from '../audit/check.ts';
import type { InvariantId } from '../audit/invariants.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { query, type Statement } from './statement.ts';

/** So many tell as much as more would. */
const mostFindings = 10_000;
/** Characters of a finding: they are part of its key, and PostgreSQL keeps no key of more than 2704 bytes. */
const longestFinding = 500;

const beginRun: Statement = {
  name: 'audit-begin',
  text: `
    INSERT INTO audit_progress AS known (id, started_at) VALUES (1, now())
    ON CONFLICT (id) DO UPDATE SET started_at = now()
      WHERE known.started_at <= now() - $1 * interval '1 millisecond'
    RETURNING feeds`,
};

const finishRun: Statement = {
  name: 'audit-finish',
  text: 'UPDATE audit_progress SET finished_at = now(), feeds = $1, checked = checked + $2',
};

const findSuspects: Statement = {
  name: 'audit-suspects',
  text: `
    SELECT subject FROM audit_findings WHERE source = $1
    GROUP BY subject ORDER BY min(last_seen_at) LIMIT $2`,
};

/** $2: the subjects, or null for all; $3: the findings as a JSON array. */
const replaceFindings: Statement = {
  name: 'audit-replace',
  text: `
    WITH found AS (
      SELECT DISTINCT invariant, subject, what
      FROM json_to_recordset($3) AS finding (invariant text, subject text, what text)
    ), gone AS (
      DELETE FROM audit_findings AS known
      WHERE source = $1 AND ($2::text[] IS NULL OR subject = ANY ($2))
        AND NOT EXISTS (
          SELECT FROM found
          WHERE found.invariant = known.invariant AND found.subject = known.subject AND found.what = known.what
        )
    )
    INSERT INTO audit_findings AS known (source, invariant, subject, what, first_seen_at, last_seen_at)
    SELECT $1, invariant, subject, what, now(), now() FROM found
    WHERE (SELECT count(*) FROM audit_findings) < ${mostFindings}
    ON CONFLICT (source, subject, invariant, what) DO UPDATE SET last_seen_at = excluded.last_seen_at
    RETURNING invariant, subject, what, first_seen_at = last_seen_at AS "isNew"`,
};

const readProgress: Statement = {
  name: 'audit-progress',
  text: 'SELECT finished_at AS "finishedAt", checked, feeds AS progress FROM audit_progress',
};

const countFindings: Statement = {
  name: 'audit-counts',
  text: 'SELECT invariant, count(*)::int AS findings FROM audit_findings GROUP BY invariant',
};

const readFindings: Statement = {
  name: 'audit-findings',
  text: `
    SELECT invariant, subject, what, first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt"
    FROM audit_findings ORDER BY first_seen_at, subject, invariant, what LIMIT $1`,
};

type ProgressRow = Pick<AuditStatus, 'finishedAt' | 'checked' | 'progress'>;

/** {@link AuditStore} in the tables `audit_progress` and `audit_findings`, which both databases have. */
export function createAuditStore({ pool }: { pool: Pool }): AuditStore {
  return {
    begin: (everyMs) =>
      withDatabaseErrors(async () => {
        const [begun] = await query<{ feeds: Progress }>(pool, beginRun, [everyMs]);
        return begun?.feeds;
      }),

    finish: (progress, checked) =>
      withDatabaseErrors(async () => {
        await query(pool, finishRun, [JSON.stringify(progress), checked]);
      }),

    suspects: (source, limit) =>
      withDatabaseErrors(async () => {
        const rows = await query<{ subject: string }>(pool, findSuspects, [source, limit]);
        return rows.map(({ subject }) => subject);
      }),

    replace: (source, subjects, findings) =>
      withDatabaseErrors(async () => {
        const about = subjects === 'all' ? null : subjects;
        const values = [source, about, JSON.stringify(findings.map(inBrief))];
        const kept = await query<Finding & { isNew: boolean }>(pool, replaceFindings, values);
        return kept.filter(({ isNew }) => isNew).map(({ isNew: _isNew, ...finding }) => finding);
      }),

    status: (limit) =>
      withDatabaseErrors(async () => {
        const [progress] = await query<ProgressRow>(pool, readProgress, []);
        const counts = await query<{ invariant: InvariantId; findings: number }>(pool, countFindings, []);
        return {
          ...(progress ?? { finishedAt: null, checked: 0, progress: {} }),
          counts: Object.fromEntries(counts.map(({ invariant, findings }) => [invariant, findings])),
          findings: limit > 0 ? await query<KeptFinding>(pool, readFindings, [limit]) : [],
        };
      }),
  };
}

function inBrief(finding: Finding): Finding {
  const { what } = finding;
  if (what.length <= longestFinding) return finding;
  return { ...finding, what: `${what.slice(0, longestFinding).toWellFormed()}…` };
}
