-- What adaptive routes made of their weights, append-only: the newest row of a route is in force while its basis, a hash of what was declared,
-- is that of now.
create table adaptive_weights (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  basis text not null,
  weights jsonb not null,
  -- Variants that were taken out for failing more often than the others.
  stopped text[] not null default '{}',
  evidence jsonb not null,
  at timestamptz not null
);
create index adaptive_weights_route on adaptive_weights (route, seq);
create trigger adaptive_weights_append_only before update or delete on adaptive_weights for each row execute function weir_refuse_change();
