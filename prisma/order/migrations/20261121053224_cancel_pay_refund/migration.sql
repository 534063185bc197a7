-- AlterTable
ALTER TABLE "orders" ADD COLUMN     "cancellation" JSONB,
ADD COLUMN     "paid_minor" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "payment" TEXT NOT NULL DEFAULT 'automatic',
ADD COLUMN     "payment_requested" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "refunds" JSONB NOT NULL DEFAULT '[]';

-- CreateTable
CREATE TABLE "operator_actions" (
    "message_id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "operator" TEXT NOT NULL,
    "detail" JSONB NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "operator_actions_pkey" PRIMARY KEY ("message_id")
);

-- CreateIndex
CREATE INDEX "operator_actions_order_id_idx" ON "operator_actions"("order_id");
