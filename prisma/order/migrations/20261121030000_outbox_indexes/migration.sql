-- What Prisma cannot express.

-- The relay looks at unpublished rows only, so that claiming does not slow down with history.
CREATE INDEX "outbox_unpublished" ON "outbox" ("id") WHERE "published_at" IS NULL;

-- Rows whose publication failed, normally none: the claim probes it to hold back later messages of the same order.
CREATE INDEX "outbox_held" ON "outbox" ("order_id", "id") WHERE "published_at" IS NULL AND "next_attempt_at" IS NOT NULL;

-- Every row is inserted, marked once and deleted: without frequent vacuum the dead entries at the head of the partial
-- index would have to be passed over by every claim.
ALTER TABLE "outbox" SET (
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 1
);
