-- AlterTable
ALTER TABLE "outbox" ADD COLUMN "repeated_at" TIMESTAMPTZ(3);
