-- Evals as OpenAI's API has them: a tenant's own, kept as they were sent. Ids sort as they were made.
create table openai_evals (
  id text primary key,
  tenant text not null,
  name text not null,
  data_source_config jsonb not null,
  testing_criteria jsonb not null,
  metadata jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index openai_evals_tenant on openai_evals (tenant, id);

create table openai_eval_runs (
  id text primary key,
  eval_id text not null references openai_evals (id) on delete cascade,
  tenant text not null,
  name text not null,
  data_source jsonb not null,
  metadata jsonb,
  -- Whose limits and budgets it uses.
  principal jsonb not null,
  status text not null check (status in ('queued', 'in_progress', 'completed', 'failed', 'canceled')),
  error jsonb,
  items integer not null,
  created_at timestamptz not null,
  -- Until when one replica alone works on it.
  held_until timestamptz not null
);
create index openai_eval_runs_eval on openai_eval_runs (eval_id, id);
create index openai_eval_runs_open on openai_eval_runs (held_until) where status in ('queued', 'in_progress');

-- Written as each item is graded: a run that goes on elsewhere asks none of them again.
create table openai_eval_output_items (
  id text primary key,
  run_id text not null references openai_eval_runs (id) on delete cascade,
  position integer not null,
  item jsonb not null,
  status text not null check (status in ('pass', 'fail', 'error')),
  results jsonb not null,
  sample jsonb not null,
  usage jsonb not null,
  created_at timestamptz not null,
  unique (run_id, position)
);
