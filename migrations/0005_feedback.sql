-- What people and systems said of answers and subjects. One row per statement; later ones do not overwrite earlier ones.
-- There is no foreign key to traces: feedback may arrive before its trace has left the spool, and may outlive it.
create table feedback (
  id uuid primary key,
  tenant text not null,
  metric text not null,
  inference_id uuid,
  subject text,
  session text,
  -- Booleans as 0 and 1, floats, and the values of events.
  number double precision,
  -- Labels, comments and demonstrations.
  content jsonb,
  at timestamptz not null,
  received_at timestamptz not null,
  key_id text,
  idempotency_key text,
  -- sha256 of what was sent, so that one key for two different statements is noticed.
  fingerprint text not null,
  tags jsonb,
  check (inference_id is not null or subject is not null),
  check (number is not null or content is not null)
);
create unique index feedback_idempotency on feedback (tenant, idempotency_key) where idempotency_key is not null;
create index feedback_inference on feedback (tenant, metric, inference_id) where inference_id is not null;
create index feedback_subject on feedback (tenant, metric, subject, at) where subject is not null;
create index feedback_at on feedback (at, id);
