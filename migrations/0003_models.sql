create table models (
  name text primary key,
  kind text not null,
  created_at timestamptz not null
);

-- Never updated. version_hash: everything below that says what the model is, so that adding the same twice makes one version.
-- manifest: [{path, size, sha256}]; facts: GGUF metadata, runtime, origin, training and embedding settings as given.
create table model_versions (
  model_name text not null references models (name),
  version integer not null check (version > 0),
  version_hash text not null,
  manifest jsonb not null,
  manifest_hash text not null,
  format text not null,
  facts jsonb not null,
  card text,
  created_by text not null,
  reason text not null,
  created_at timestamptz not null,
  primary key (model_name, version),
  unique (model_name, version_hash)
);

create table model_aliases (
  model_name text not null references models (name),
  alias text not null,
  version integer not null,
  primary key (model_name, alias),
  foreign key (model_name, version) references model_versions (model_name, version)
);

create table model_alias_events (
  id uuid primary key,
  -- The order of moves: made while the alias's row is locked, which clocks of replicas are not.
  seq bigint generated always as identity,
  model_name text not null,
  alias text not null,
  kind text not null,
  from_version integer,
  to_version integer not null,
  actor text not null,
  reason text not null,
  at timestamptz not null,
  foreign key (model_name, to_version) references model_versions (model_name, version)
);
create index model_alias_events_alias on model_alias_events (model_name, alias, seq);

-- What hosts answer to the name we ask for: one row per change, the last one is now.
create table model_observations (
  id uuid primary key,
  seq bigint generated always as identity,
  provider text not null,
  requested text not null,
  echoed text not null,
  at timestamptz not null
);
create index model_observations_requested on model_observations (provider, requested, seq);

create table model_revision (
  single boolean primary key default true check (single),
  revision bigint not null
);
insert into model_revision (revision) values (0);

create trigger model_versions_immutable before update or delete on model_versions for each row execute function weir_refuse_change();
create trigger model_alias_events_append_only before update or delete on model_alias_events for each row execute function weir_refuse_change();
create trigger model_observations_append_only before update or delete on model_observations for each row execute function weir_refuse_change();
