-- What the order-service may do in its database: this and nothing else. Applied after the migrations, each time, in one
-- transaction. A new table needs a line here, a new column that changes needs its name: without, the service is refused.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO order_service;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, order_service;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, order_service;

-- Who ordered what, when and for how much is said once.
GRANT SELECT, INSERT ON orders TO order_service;
GRANT UPDATE (
  status, failure, payment_requested, paid_minor, refunds, cancellation, version, processing_run, processing_sequence,
  event_sequence, updated_at
) ON orders TO order_service;
GRANT SELECT, INSERT ON order_items TO order_service;

-- History: nothing is changed or deleted.
GRANT SELECT, INSERT ON order_events, inbox, operator_actions TO order_service;

-- A message that waits cannot be changed; one that was published is deleted after a while.
GRANT SELECT, INSERT, DELETE ON outbox TO order_service;
GRANT UPDATE (published_at, attempts, next_attempt_at, last_error, repeated_at) ON outbox TO order_service;
GRANT USAGE ON SEQUENCE outbox_id_seq TO order_service;

-- A key that has expired is deleted, or taken by another request.
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO order_service;
GRANT UPDATE (fingerprint, outcome, created_at, expires_at) ON idempotency_keys TO order_service;
GRANT SELECT, INSERT, DELETE ON answered_requests TO order_service;
GRANT UPDATE (fingerprint, answer, claimed_at, expires_at) ON answered_requests TO order_service;

-- A webhook belongs to whoever made it, and is told of the orders it was made for.
GRANT SELECT, INSERT, DELETE ON webhooks TO order_service;
GRANT UPDATE (
  url, event_types, description, secrets_replaced_at, status, disabled_reason, failing_since, updated_at
) ON webhooks TO order_service;

-- What is told is said once, too.
GRANT SELECT, INSERT, DELETE ON webhook_deliveries TO order_service;
GRANT UPDATE (status, attempts, next_attempt_at, attempt_log, finished_at) ON webhook_deliveries TO order_service;

-- The auditor: how far it is, and what it finds until it is gone.
GRANT SELECT, INSERT ON audit_progress TO order_service;
GRANT UPDATE (started_at, finished_at, checked, feeds) ON audit_progress TO order_service;
GRANT SELECT, INSERT, DELETE ON audit_findings TO order_service;
GRANT UPDATE (last_seen_at) ON audit_findings TO order_service;

-- Before a process starts, it waits for the migrations that it was built with.
GRANT SELECT (migration_name, finished_at, rolled_back_at) ON _prisma_migrations TO order_service;
