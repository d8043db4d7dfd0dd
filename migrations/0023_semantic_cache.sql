-- What became of the semantic hits of each variant, counted by all replicas together. wrong: the model answered otherwise.
create table semantic_checks (
  variant_hash text primary key,
  route text not null,
  variant text not null,
  hits bigint not null,
  checked bigint not null,
  wrong bigint not null,
  disabled_at timestamptz
);
