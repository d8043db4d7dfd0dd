-- Complete answers, by what decides them. The answer is JSON as text: jsonb refuses the NUL character that a model may well say.
create table cache_entries (
  variant_hash text not null,
  tenant text not null,
  digest text not null,
  answer text not null,
  stored_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (variant_hash, tenant, digest)
);
create index cache_entries_expires_at on cache_entries (expires_at);
