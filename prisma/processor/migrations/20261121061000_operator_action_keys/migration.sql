-- AlterTable
ALTER TABLE "operator_actions" ADD COLUMN     "letter_failed_at" TIMESTAMPTZ(3);

-- What Prisma cannot express.

-- An action on a letter is done once: whoever tries it again, after a crash or at the same moment, finds this row. An
-- attempt that failed stands for itself, and the next one has a row of its own.
CREATE UNIQUE INDEX "operator_actions_once"
  ON "operator_actions" ("message_id", "queue", "replay_count", "letter_failed_at", "action", "replaced_by")
  NULLS NOT DISTINCT
  WHERE "outcome" <> 'failed' AND "message_id" IS NOT NULL;

ALTER TABLE "operator_actions"
  ADD CONSTRAINT "operator_actions_outcome" CHECK ("outcome" IN ('intended', 'done', 'failed'));

ALTER TABLE "replay_runs"
  ADD CONSTRAINT "replay_runs_status" CHECK ("status" IN ('running', 'finished', 'stopped', 'halted'));
