-- One row per request. What was said is in trace_payloads under the same id, without a foreign key: payloads expire on their own.
create table traces (
  id uuid primary key,
  started_at timestamptz not null,
  endpoint text not null,
  status text not null,
  error_code text,
  tenant text not null,
  key_id text,
  route text not null,
  variant text,
  variant_hash text,
  model text,
  upstream_model text,
  subject text,
  stream boolean not null,
  finish_reason text,
  prompt_tokens integer,
  completion_tokens integer,
  cached_tokens integer,
  cost_usd double precision,
  cache text,
  latency_ms double precision not null,
  first_token_ms double precision,
  queue_ms double precision,
  upstream_ms double precision,
  attempts integer not null,
  fell_back_from text[] not null default '{}',
  metadata jsonb
);
create index traces_started_at on traces (started_at, id);
create index traces_tenant on traces (tenant, started_at, id);
create index traces_route on traces (route, started_at);
create index traces_variant on traces (variant_hash, started_at) where variant_hash is not null;

create table trace_payloads (
  id uuid primary key,
  started_at timestamptz not null,
  payload jsonb not null
);
create index trace_payloads_started_at on trace_payloads (started_at, id);

-- Only the sha256 of a secret is kept. origin: 'first' and 'environment' keys leave a loopback server open, 'created' ones close it.
create table api_keys (
  id uuid primary key,
  tenant text not null,
  name text not null,
  prefix text not null,
  hash text not null unique,
  scopes text[] not null,
  allowed_routes text[],
  metadata jsonb not null default '{}',
  origin text not null check (origin in ('first', 'environment', 'created')),
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_tenant on api_keys (tenant, id);

create table audit_events (
  id uuid primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  target text not null,
  before_hash text,
  after_hash text,
  reason text
);
create index audit_events_at on audit_events (at, id);
create index audit_events_target on audit_events (target, id);

create function weir_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end $$;
create trigger audit_events_append_only before update or delete on audit_events
  for each statement execute function weir_refuse_change();
