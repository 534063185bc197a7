-- What Prisma cannot express.

-- Sagas that wait for an operator, normally none; orders without trouble never touch this index.
CREATE INDEX "sagas_in_need" ON "sagas" ("order_id")
  WHERE "state" = 'needs_attention' OR "refunds" @> '[{"state": "needs_attention"}]';
