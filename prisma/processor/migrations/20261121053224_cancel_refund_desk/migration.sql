-- AlterEnum
ALTER TYPE "reservation_state" ADD VALUE 'returned';

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "saga_state" ADD VALUE 'awaiting_payment';
ALTER TYPE "saga_state" ADD VALUE 'needs_attention';
ALTER TYPE "saga_state" ADD VALUE 'cancelled';
ALTER TYPE "saga_state" ADD VALUE 'refunded';

-- AlterTable
ALTER TABLE "sagas" ADD COLUMN     "attempts" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "cancel_requested" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "payment_requested" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "refunds" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "trouble" JSONB;

-- CreateTable
CREATE TABLE "operator_actions" (
    "id" BIGSERIAL NOT NULL,
    "action" TEXT NOT NULL,
    "operator" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "error" TEXT,
    "reason" TEXT,
    "queue" TEXT,
    "message_id" TEXT,
    "replay_count" INTEGER,
    "order_id" UUID,
    "type" TEXT,
    "error_code" TEXT,
    "fingerprint" TEXT,
    "replay_run_id" UUID,
    "replaced_by" UUID,
    "original" JSONB,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "operator_actions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "replay_runs" (
    "id" UUID NOT NULL,
    "operator" TEXT NOT NULL,
    "selection" JSONB NOT NULL,
    "status" TEXT NOT NULL,
    "replayed" INTEGER NOT NULL DEFAULT 0,
    "batch_size" INTEGER NOT NULL DEFAULT 1,
    "rate_per_second" INTEGER NOT NULL,
    "reason" TEXT,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "replay_runs_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "operator_actions_message_id_idx" ON "operator_actions"("message_id");

-- CreateIndex
CREATE INDEX "operator_actions_order_id_idx" ON "operator_actions"("order_id");

-- CreateIndex
CREATE INDEX "operator_actions_replay_run_id_idx" ON "operator_actions"("replay_run_id");
