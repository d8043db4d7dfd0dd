-- Routes that were put through the API. Never updated: settings are a route as in weir.yaml.
create table route_versions (
  name text not null,
  version integer not null check (version > 0),
  settings jsonb not null,
  settings_hash text not null,
  created_by text not null,
  reason text not null,
  created_at timestamptz not null,
  primary key (name, version)
);

-- The version in force; none when the route was deleted.
create table route_heads (
  name text primary key,
  version integer,
  foreign key (name, version) references route_versions (name, version)
);

create table route_events (
  id uuid primary key,
  seq bigint generated always as identity,
  name text not null,
  kind text not null check (kind in ('put', 'delete', 'rollback')),
  from_version integer,
  to_version integer,
  actor text not null,
  reason text not null,
  at timestamptz not null
);
create index route_events_name on route_events (name, seq);

-- A candidate on its way into a route. What was settled at the start, and where it stands; how it got there is in the events.
create table rollouts (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  candidate text not null,
  candidate_hash text not null,
  stable text not null,
  stable_hash text not null,
  -- Weights of the declaration at the start, by variant: another declaration takes the word from a rollout that is over.
  declared_weights jsonb not null,
  plan jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  status text not null check (status in ('pending', 'running', 'held', 'awaiting_approval', 'promoted', 'rolled_back')),
  step integer not null,
  step_since timestamptz not null,
  -- Checks that somebody accepted on resuming.
  accepted text[] not null default '{}',
  -- Rolled back because it was worse, and not merely ended.
  disabled boolean not null default false
);
create index rollouts_route on rollouts (route, seq);
create unique index rollouts_one_at_a_time on rollouts (route) where status in ('pending', 'running', 'held', 'awaiting_approval');

create table rollout_events (
  id uuid primary key,
  seq bigint generated always as identity,
  rollout_id uuid not null references rollouts (id),
  kind text not null,
  from_status text,
  to_status text not null,
  from_step integer,
  to_step integer not null,
  actor text not null,
  reason text not null,
  -- A person decided against a gate, or without waiting for the evidence.
  override boolean not null default false,
  evidence jsonb,
  at timestamptz not null
);
create index rollout_events_rollout on rollout_events (rollout_id, seq);

create table serving_revision (
  single boolean primary key default true check (single),
  revision bigint not null
);
insert into serving_revision (revision) values (0);

create trigger route_versions_immutable before update or delete on route_versions for each row execute function weir_refuse_change();
create trigger route_events_append_only before update or delete on route_events for each row execute function weir_refuse_change();
create trigger rollout_events_append_only before update or delete on rollout_events for each row execute function weir_refuse_change();

-- An answer that another model had to give is a failure of the variant too.
drop index traces_failed;
create index traces_failed on traces (route, started_at)
  where status = 'error' or finish_reason = 'content_filter' or cardinality(fell_back_from) > 0;
