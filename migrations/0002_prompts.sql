-- A prompt by its path under prompts/, variant included: support/answer.short. The head is what the last sync found in the tree:
-- the version, and the hash of the file's text, which may be another layout of the same version.
create table prompts (
  name text primary key,
  head_version integer not null,
  head_content_hash text not null,
  archived_at timestamptz,
  created_at timestamptz not null
);

-- Partials by content: the versions of a prompt mostly pin the same ones.
create table prompt_partials (
  hash text primary key,
  text text not null
);

-- Never updated. closure_hash: front matter, body and pinned partials; partials: name to hash.
create table prompt_versions (
  prompt_name text not null references prompts (name),
  version integer not null check (version > 0),
  closure_hash text not null,
  source text not null,
  partials jsonb not null,
  front_matter jsonb not null,
  git_commit text,
  git_path text not null,
  author text,
  message text,
  created_by text not null,
  created_at timestamptz not null,
  primary key (prompt_name, version),
  unique (prompt_name, closure_hash)
);

create table prompt_labels (
  prompt_name text not null references prompts (name),
  label text not null,
  version integer not null,
  primary key (prompt_name, label),
  foreign key (prompt_name, version) references prompt_versions (prompt_name, version)
);

-- Who moved which label when and why. from_version is null for a label's first move; override: promoted without a passing eval run.
create table prompt_label_events (
  id uuid primary key,
  -- The order of moves: made while the label's row is locked, which clocks of replicas are not.
  seq bigint generated always as identity,
  prompt_name text not null,
  label text not null,
  kind text not null,
  from_version integer,
  to_version integer not null,
  actor text not null,
  reason text not null,
  eval_run_id text,
  override boolean not null default false,
  at timestamptz not null,
  foreign key (prompt_name, to_version) references prompt_versions (prompt_name, version)
);
create index prompt_label_events_label on prompt_label_events (prompt_name, label, seq);

create table prompt_sync_events (
  id uuid primary key,
  actor text not null,
  reason text not null,
  git_commit text,
  changes jsonb not null,
  at timestamptz not null
);

-- Counts changes of labels and versions, so that a replica's poll is one read of one row.
create table prompt_revision (
  single boolean primary key default true check (single),
  revision bigint not null
);
insert into prompt_revision (revision) values (0);

create trigger prompt_versions_immutable before update or delete on prompt_versions for each row execute function weir_refuse_change();
create trigger prompt_label_events_append_only before update or delete on prompt_label_events for each row execute function weir_refuse_change();
create trigger prompt_sync_events_append_only before update or delete on prompt_sync_events for each row execute function weir_refuse_change();
