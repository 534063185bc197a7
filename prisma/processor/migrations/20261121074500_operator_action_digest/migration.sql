-- AlterTable
ALTER TABLE "operator_actions" ADD COLUMN     "letter_digest" TEXT;

-- What Prisma cannot express.

-- Foreign messages may share an id without sharing anything else: a letter is told from others by what it says, too.
DROP INDEX "operator_actions_once";
CREATE UNIQUE INDEX "operator_actions_once"
  ON "operator_actions" ("message_id", "queue", "replay_count", "letter_failed_at", "letter_digest", "action", "replaced_by")
  NULLS NOT DISTINCT
  WHERE "outcome" <> 'failed' AND "message_id" IS NOT NULL;
