-- One row per run of a suite; its answers are in eval_results.
create table eval_runs (
  id uuid primary key,
  suite text not null,
  -- sha256 of target, parameters and cases: runs of one hash asked the same.
  suite_hash text not null,
  status text not null check (status in ('running', 'completed', 'interrupted', 'over_budget')),
  tenant text not null,
  target jsonb not null,
  route text,
  variant text,
  variant_hash text,
  prompt_closure text,
  started_at timestamptz not null,
  finished_at timestamptz,
  actor text not null,
  git_commit text,
  cases integer not null,
  margin double precision not null,
  pass_rate double precision not null,
  -- What it came to, once it has ended.
  summary jsonb,
  gate text check (gate in ('ok', 'failed', 'undecided', 'error'))
);
create index eval_runs_suite on eval_runs (suite, started_at desc);
create index eval_runs_variant on eval_runs (variant_hash, suite, started_at desc) where variant_hash is not null;
create index eval_runs_prompt on eval_runs (prompt_closure, suite, started_at desc) where prompt_closure is not null;

-- Written as each answer is judged, so that an interrupted run goes on without paying for an answer twice.
create table eval_results (
  run_id uuid not null references eval_runs (id) on delete cascade,
  case_id text not null,
  repeat integer not null,
  result jsonb not null,
  passed boolean,
  primary key (run_id, case_id, repeat)
);

-- Answers by what was asked of which variant; the key holds the seed and the repeat, so that repeats are answers of their own.
create table eval_answers (
  key text primary key,
  output jsonb not null,
  cost_usd double precision,
  at timestamptz not null
);
create index eval_answers_at on eval_answers (at);
