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

-- Stock is conserved and never negative, whatever the code above it does.
ALTER TABLE "stock"
  ADD CONSTRAINT "stock_not_negative" CHECK ("on_hand" >= 0 AND "reserved" >= 0 AND "shipped" >= 0),
  ADD CONSTRAINT "stock_conserved" CHECK ("on_hand" + "reserved" + "shipped" = "received");

ALTER TABLE "reservations" ADD CONSTRAINT "reservations_positive" CHECK ("quantity" > 0);

-- Counts change with every order and no index covers them: room on the page keeps the updates in place.
ALTER TABLE "stock" SET (fillfactor = 20);

-- Sagas that have not ended, for the watchdog.
CREATE INDEX "sagas_unfinished" ON "sagas" ("deadline_at") WHERE "deadline_at" IS NOT NULL;
