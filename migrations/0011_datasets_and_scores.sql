-- Cases drawn from production. A version is drawn once and never changes; drawing again under the name makes the next one.
create table datasets (
  id uuid primary key,
  name text not null,
  version integer not null check (version > 0),
  -- What it was drawn from, and what was redacted before anything was stored: how many findings of each kind.
  source jsonb not null,
  redactions jsonb not null,
  items integer not null,
  created_by text not null,
  reason text not null,
  created_at timestamptz not null,
  unique (name, version)
);

create table dataset_items (
  id uuid primary key,
  dataset_id uuid not null references datasets (id) on delete cascade,
  position integer not null,
  -- Without a foreign key: items outlive their traces.
  trace_id uuid not null,
  tenant text not null,
  route text not null,
  variant text,
  variant_hash text,
  -- As the model read it, and the client's own messages and variables where a prompt or retrieval made something else of them.
  messages jsonb not null,
  said jsonb,
  tools jsonb,
  -- The message that was answered.
  answer jsonb,
  -- What somebody said should have been answered, in feedback.
  demonstration jsonb,
  unique (dataset_id, position)
);
create index dataset_items_tenant on dataset_items (tenant);

-- What people made of an item; the newest counts, and an item without any is pending.
create table dataset_reviews (
  id uuid primary key,
  seq bigint generated always as identity,
  item_id uuid not null references dataset_items (id) on delete cascade,
  verdict text not null check (verdict in ('approved', 'corrected', 'rejected')),
  correction jsonb,
  actor text not null,
  reason text not null,
  at timestamptz not null,
  check ((verdict = 'corrected') = (correction is not null))
);
create index dataset_reviews_item on dataset_reviews (item_id, seq);

-- Deleted they may be, when a tenant goes; changed they may not.
create trigger datasets_immutable before update on datasets for each row execute function weir_refuse_change();
create trigger dataset_items_immutable before update on dataset_items for each row execute function weir_refuse_change();
create trigger dataset_reviews_append_only before update on dataset_reviews for each row execute function weir_refuse_change();

-- What scorers make of a sample of live answers, each once. A row is final: score and passed are null when the scorer gave no verdict, which is
-- neither a pass nor a failure.
create table online_scores (
  trace_id uuid not null,
  scorer text not null,
  tenant text not null,
  route text not null,
  variant text,
  variant_hash text,
  arm text,
  score double precision,
  passed boolean,
  reason text not null,
  -- US dollars for the judge; null when its price is unknown.
  cost_usd double precision,
  -- When the answer was begun, and when it was scored.
  started_at timestamptz not null,
  at timestamptz not null,
  primary key (trace_id, scorer)
);
create index online_scores_route on online_scores (route, at, scorer);
create index online_scores_tenant on online_scores (tenant);

-- Traces that a replica is about to score. One that dies leaves its claim to whoever comes after it has run out.
create table online_score_claims (
  trace_id uuid primary key,
  route text not null,
  started_at timestamptz not null,
  attempts integer not null default 1,
  until timestamptz not null
);
create index online_score_claims_until on online_score_claims (route, until);

-- Up to where the traces of a route were looked at.
create table online_score_marks (
  route text primary key,
  looked_to timestamptz not null
);
