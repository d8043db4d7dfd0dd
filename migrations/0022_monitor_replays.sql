-- The golden set asked of a variant: the first time makes the baseline, with each question asked twice to know how much answers vary.
create table monitor_replays (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  variant text not null,
  variant_hash text not null,
  -- sha256 of the questions: another set is another comparison.
  golden_hash text not null,
  -- Null for a baseline.
  baseline_id uuid references monitor_replays (id),
  status text not null check (status in ('running', 'completed', 'failed')),
  actor text not null,
  reason text not null,
  -- Models that hosts named in its answers, and in live answers of the variant until then.
  known_models text[] not null default '{}',
  cases integer not null,
  answered integer not null default 0,
  exact_share double precision,
  -- Means over the cases: with the baseline's answers, and of the baseline's answers among themselves.
  similarity double precision,
  baseline_similarity double precision,
  p_value double precision,
  moved boolean,
  error text,
  started_at timestamptz not null,
  finished_at timestamptz
);
create index monitor_replays_route on monitor_replays (route, variant_hash, seq);

create table monitor_replay_outputs (
  replay_id uuid not null references monitor_replays (id),
  case_id text not null,
  output text not null,
  similarity double precision not null,
  primary key (replay_id, case_id)
);

-- An alert of the golden set is of no window.
alter table monitor_alerts alter column window_id drop not null;
