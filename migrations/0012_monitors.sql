-- Up to where the live traces of a monitored route have been counted, in whole minutes.
create table monitor_watermarks (
  route text primary key,
  rolled_to timestamptz not null
);

-- Live requests of a minute. A minute is written anew as a whole when traces arrive late, so that counting twice changes nothing.
create table monitor_minutes (
  route text not null,
  variant_hash text not null,
  minute timestamptz not null,
  variant text not null,
  requests integer not null,
  primary key (route, variant_hash, minute)
);

-- Of every request: how often each value of a categorical signal came.
create table monitor_counts (
  route text not null,
  variant_hash text not null,
  minute timestamptz not null,
  signal text not null,
  value text not null,
  n integer not null,
  primary key (route, variant_hash, minute, signal, value)
);

-- The requests of each minute with the lowest priorities, a hash of their ids in [0, 1): a uniform sample whose unions are uniform too.
-- signals: values read of the trace and its payload; null until they have been read.
create table monitor_samples (
  trace_id uuid primary key,
  route text not null,
  variant_hash text not null,
  minute timestamptz not null,
  priority double precision not null,
  signals jsonb
);
create index monitor_samples_window on monitor_samples (route, variant_hash, minute, priority);
create index monitor_samples_unread on monitor_samples (route, minute) where signals is null;

-- Prompts as vectors, for some of the samples. model: null until the prompt was embedded. vector: little-endian 32-bit floats; null when
-- there was no text to embed.
create table monitor_embeddings (
  trace_id uuid primary key,
  route text not null,
  variant_hash text not null,
  minute timestamptz not null,
  priority double precision not null,
  model text,
  vector bytea
);
create index monitor_embeddings_window on monitor_embeddings (route, variant_hash, minute, priority);
create index monitor_embeddings_due on monitor_embeddings (route, minute) where model is null;

-- What a variant's traffic was like when it was good. Never updated.
create table monitor_references (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  variant text not null,
  variant_hash text not null,
  version integer not null check (version > 0),
  -- Of the signals below; a reference of another schema is not compared with.
  schema_version integer not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  requests integer not null,
  created_by text not null,
  reason text not null,
  created_at timestamptz not null,
  unique (route, variant_hash, version)
);

-- hours: for each hour of the day (UTC) its number of values and a bounded sample of them, or its counts.
create table monitor_reference_signals (
  reference_id uuid not null references monitor_references (id),
  signal text not null,
  kind text not null check (kind in ('numeric', 'categorical', 'rate', 'vector')),
  n integer not null,
  hours jsonb not null,
  primary key (reference_id, signal)
);

create table monitor_windows (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  variant text not null,
  variant_hash text not null,
  reference_id uuid not null references monitor_references (id),
  from_at timestamptz not null,
  to_at timestamptz not null,
  requests integer not null,
  at timestamptz not null,
  unique (reference_id, from_at)
);
create index monitor_windows_route on monitor_windows (route, from_at);

create table monitor_findings (
  window_id uuid not null references monitor_windows (id),
  signal text not null,
  tag text not null check (tag in ('data', 'quality', 'performance')),
  outcome text not null check (outcome in ('compared', 'not-enough-data')),
  reason text,
  detector text,
  statistic double precision,
  p_value double precision,
  adjusted_p double precision,
  effect double precision,
  effect_name text,
  reference_level double precision,
  window_level double precision,
  reference_n integer not null,
  window_n integer not null,
  -- Big enough, and significant after correction across the window's signals.
  drifted boolean not null,
  -- So in as many windows in a row as an alarm needs, and not for the better.
  alarm boolean not null,
  primary key (window_id, signal)
);

create table monitor_alerts (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  variant text not null,
  variant_hash text not null,
  signal text not null,
  tag text not null check (tag in ('data', 'quality', 'performance')),
  window_id uuid not null references monitor_windows (id),
  state text not null check (state in ('open', 'acknowledged', 'resolved')),
  owner text,
  opened_at timestamptz not null,
  -- When the configured actions had been carried out, and until when a replica is at them.
  acted_at timestamptz,
  acting_until timestamptz
);
create unique index monitor_alerts_live on monitor_alerts (route, variant_hash, signal) where state <> 'resolved';
create index monitor_alerts_route on monitor_alerts (route, seq);

create table monitor_alert_events (
  id uuid primary key,
  seq bigint generated always as identity,
  alert_id uuid not null references monitor_alerts (id),
  kind text not null,
  actor text not null,
  note text,
  detail jsonb,
  at timestamptz not null
);
create index monitor_alert_events_alert on monitor_alert_events (alert_id, seq);

-- No alert is opened for a signal of a route, or for any of its signals, in this time. Findings are kept all the same.
create table monitor_silences (
  id uuid primary key,
  route text not null,
  signal text,
  from_at timestamptz not null,
  to_at timestamptz not null,
  actor text not null,
  reason text not null,
  at timestamptz not null
);
create index monitor_silences_route on monitor_silences (route, to_at);

create trigger monitor_references_immutable before update or delete on monitor_references for each row execute function weir_refuse_change();
create trigger monitor_reference_signals_immutable before update or delete on monitor_reference_signals
  for each row execute function weir_refuse_change();
create trigger monitor_alert_events_append_only before update or delete on monitor_alert_events
  for each row execute function weir_refuse_change();

-- Windows take feedback by when it arrived.
create index feedback_received on feedback (received_at);
