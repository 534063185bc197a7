-- What the processor-service may do in its database: this and nothing else. Applied after the migrations, each time, in
-- one transaction. A new table needs a line here, a new column that changes needs its name: without, the service is
-- refused.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO processor_service;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, processor_service;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, processor_service;

-- The order that a saga is about is said once.
GRANT SELECT, INSERT ON sagas TO processor_service;
GRANT UPDATE (
  state, run, replays, payment_id, failure, payment_requested, cancel_requested, refunds, attempts, trouble,
  event_sequence, updated_at, deadline_at
) ON sagas TO processor_service;

GRANT SELECT, INSERT ON stock TO processor_service;
GRANT UPDATE (on_hand, reserved, shipped, received, updated_at) ON stock TO processor_service;

GRANT SELECT, INSERT ON reservations TO processor_service;
GRANT UPDATE (state, updated_at) ON reservations TO processor_service;

-- A message that waits cannot be changed; one that was published is deleted after a while.
GRANT SELECT, INSERT, DELETE ON outbox TO processor_service;
GRANT UPDATE (published_at, attempts, next_attempt_at, last_error, repeated_at) ON outbox TO processor_service;
GRANT USAGE ON SEQUENCE outbox_id_seq TO processor_service;

-- The audit: who did what to which letter is said once, how it ended later.
GRANT SELECT, INSERT ON operator_actions TO processor_service;
GRANT UPDATE (outcome, error) ON operator_actions TO processor_service;
GRANT USAGE ON SEQUENCE operator_actions_id_seq TO processor_service;

GRANT SELECT, INSERT ON replay_runs TO processor_service;
GRANT UPDATE (status, replayed, batch_size, reason, updated_at, ended_at) ON replay_runs TO processor_service;

-- A key that has expired is deleted, or taken by another request.
GRANT SELECT, INSERT, DELETE ON answered_requests TO processor_service;
GRANT UPDATE (fingerprint, answer, claimed_at, expires_at) ON answered_requests TO processor_service;

-- The auditor: how far it is, and what it finds until it is gone.
GRANT SELECT, INSERT ON audit_progress TO processor_service;
GRANT UPDATE (started_at, finished_at, checked, feeds) ON audit_progress TO processor_service;
GRANT SELECT, INSERT, DELETE ON audit_findings TO processor_service;
GRANT UPDATE (last_seen_at) ON audit_findings TO processor_service;

-- Before a process starts, it waits for the migrations that it was built with.
GRANT SELECT (migration_name, finished_at, rolled_back_at) ON _prisma_migrations TO processor_service;
