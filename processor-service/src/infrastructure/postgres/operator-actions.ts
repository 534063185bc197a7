import type { Pool } from 'pg';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import type {
  IntendedAction,
  OperatorAction,
  OperatorActions,
  OriginalLetter,
} from '../../application/ports/operator-actions.ts';
import type { PrismaClient } from './generated/client.ts';
import type { OperatorActionModel } from './generated/models.ts';
import { completeActions } from './sql/complete-actions.ts';
import { failActions } from './sql/fail-actions.ts';
import { intendActions } from './sql/intend-actions.ts';

/** The audit in processor_db. */
export function createOperatorActions(dependencies: { pool: Pool; prisma: PrismaClient }): OperatorActions {
  const { pool, prisma } = dependencies;
  return {
    intend: (actions, at) =>
      withDatabaseErrors(async () => {
        const wanted = actions.map((action) => toRow(action, at));
        // Two copies of one letter are one row, and one statement may touch a row only once.
        const distinct = new Map(wanted.map((row) => [keyOf(row), row]));
        const stored = await query<ActionRow>(pool, intendActions, [JSON.stringify([...distinct.values()])]);
        const byKey = new Map(stored.map((row) => [keyOf(row), fromRow(row)]));
        return wanted.map((row) => byKey.get(keyOf(row)) as OperatorAction);
      }),

    complete: (ids, announcements) =>
      withDatabaseErrors(async () => {
        await query(pool, completeActions, [ids, JSON.stringify(announcements)]);
      }),

    fail: (ids, outcome, error) =>
      withDatabaseErrors(async () => {
        await query(pool, failActions, [ids, outcome, storable(error)]);
      }),

    list: ({ orderId, messageId, replayRunId, limit }) =>
      withDatabaseErrors(async () => {
        const found = await prisma.operatorAction.findMany({
          where: {
            ...(orderId === undefined ? {} : { orderId }),
            ...(messageId === undefined ? {} : { messageId: storable(messageId) }),
            ...(replayRunId === undefined ? {} : { replayRunId }),
          },
          orderBy: { id: 'desc' },
          take: limit,
        });
        return found.map(fromModel);
      }),

    findEdit: (messageId, replacedBy) =>
      withDatabaseErrors(async () => {
        const found = await prisma.operatorAction.findFirst({
          where: { action: 'edit', outcome: 'done', messageId: storable(messageId), replacedBy },
        });
        return found ? fromModel(found) : undefined;
      }),
  };
}

interface NewActionRow {
  readonly action: OperatorAction['action'];
  readonly operator: string;
  readonly reason: string | null;
  readonly queue: string | null;
  readonly message_id: string | null;
  readonly replay_count: number | null;
  readonly letter_failed_at: Date | null;
  readonly letter_digest: string | null;
  readonly order_id: string | null;
  readonly type: string | null;
  readonly error_code: string | null;
  readonly fingerprint: string | null;
  readonly replay_run_id: string | null;
  readonly replaced_by: string | null;
  readonly original: OriginalLetter | null;
  readonly at: Date;
}

interface ActionRow extends NewActionRow {
  readonly id: number;
  readonly outcome: OperatorAction['outcome'];
  readonly error: string | null;
}

function toRow(action: IntendedAction, at: Date): NewActionRow {
  const { letter } = action;
  const row: NewActionRow = {
    action: action.action,
    operator: action.operator,
    reason: action.reason ?? null,
    queue: letter?.queue ?? null,
    message_id: letter?.messageId ?? null,
    replay_count: letter?.replayCount ?? null,
    letter_failed_at: letter?.failedAt ?? null,
    letter_digest: letter?.digest ?? null,
    order_id: action.orderId ?? null,
    type: action.type ?? null,
    error_code: action.errorCode ?? null,
    fingerprint: action.fingerprint ?? null,
    replay_run_id: action.replayRunId ?? null,
    replaced_by: action.replacedBy ?? null,
    original: action.original ?? null,
    at,
  };
  return storable(row);
}

/** The same in all strings without U+0000, which anybody may have put into a message and PostgreSQL does not store. */
function storable<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll('\u0000', '\ufffd') as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [storable(name), storable(part)]),
  ) as T;
}

/** What the unique index looks at; for what is done to a saga, the order. */
function keyOf(row: NewActionRow): string {
  const { action, message_id, queue, replay_count, letter_failed_at, letter_digest, replaced_by } = row;
  const letter = [message_id, queue, replay_count, letter_failed_at, letter_digest, replaced_by];
  return JSON.stringify([action, ...(message_id === null ? [row.order_id] : letter)]);
}

function fromRow(row: ActionRow): OperatorAction {
  const { message_id: messageId, queue, replay_count: replayCount, letter_failed_at: failedAt } = row;
  const digest = row.letter_digest ?? '';
  const isAboutLetter = messageId !== null && queue !== null && replayCount !== null;
  return {
    id: row.id,
    action: row.action,
    operator: row.operator,
    outcome: row.outcome,
    error: row.error,
    reason: row.reason ?? undefined,
    letter: isAboutLetter ? { messageId, queue, replayCount, failedAt, digest } : undefined,
    orderId: row.order_id ?? undefined,
    type: row.type ?? undefined,
    errorCode: row.error_code ?? undefined,
    fingerprint: row.fingerprint ?? undefined,
    replayRunId: row.replay_run_id ?? undefined,
    replacedBy: row.replaced_by ?? undefined,
    original: row.original ?? undefined,
    at: row.at,
  };
}

function fromModel(model: OperatorActionModel): OperatorAction {
  return fromRow({
    id: Number(model.id),
    action: model.action as OperatorAction['action'],
    operator: model.operator,
    outcome: model.outcome as OperatorAction['outcome'],
    error: model.error,
    reason: model.reason,
    queue: model.queue,
    message_id: model.messageId,
    replay_count: model.replayCount,
    letter_failed_at: model.letterFailedAt,
    letter_digest: model.letterDigest,
    order_id: model.orderId,
    type: model.type,
    error_code: model.errorCode,
    fingerprint: model.fingerprint,
    replay_run_id: model.replayRunId,
    replaced_by: model.replacedBy,
    original: model.original as unknown as OriginalLetter | null,
    at: model.at,
  });
}
