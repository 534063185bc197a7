-- AlterTable
ALTER TABLE "outbox" ADD COLUMN "repeated_at" TIMESTAMPTZ(3);

-- Wishes without an answer, normally few: looked for when the answer is overdue. Prisma cannot express it.
CREATE INDEX "orders_open_wishes" ON "orders" ("id")
  WHERE "cancellation" ->> 'status' = 'requested' OR "refunds" @> '[{"status": "requested"}]';
