-- What is kept for a while and then deleted, whatever waits among it. Prisma cannot express it.
CREATE INDEX "webhook_deliveries_finished" ON "webhook_deliveries" ("finished_at") WHERE "finished_at" IS NOT NULL;
