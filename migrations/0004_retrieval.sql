-- Documents, their chunks, and the rows that every index is rebuilt from. Tenant and collection are part of every key that a client can name.

create table retrieval_collection (
  id text primary key,
  tenant text not null,
  -- The name that configuration and the command line use; stores made through the API need none.
  handle text,
  name text,
  description text,
  metadata jsonb not null default '{}',
  -- Settings that decide how documents are cut; a change makes every document stale.
  max_chunk_tokens integer not null,
  min_chunk_tokens integer not null,
  text_config text not null default 'english',
  -- The index that queries read. Moving this pointer is the whole of a switch or a rollback.
  active_index_id text,
  expires_after_days integer,
  last_active_at timestamptz not null,
  created_at timestamptz not null,
  unique (tenant, handle)
);
create index retrieval_collection_by_tenant on retrieval_collection (tenant, id);

create table retrieval_index (
  id text primary key,
  tenant text not null,
  collection_id text not null references retrieval_collection (id) on delete cascade,
  -- Hash of everything that decides what a vector means: model file, pooling, prefix, dimensions.
  embedding_version text not null,
  embedding_model text not null,
  dimensions integer not null check (dimensions > 0),
  kind text not null check (kind in ('hnsw', 'exact', 'pgvector')),
  -- building: filled beside the active one · active: read by queries · standby: kept current for a rollback
  state text not null check (state in ('building', 'active', 'standby')),
  -- Labels are never used twice, and the log has no gaps: both counters move under the row's lock.
  next_label integer not null default 0,
  last_seq bigint not null default 0,
  created_at timestamptz not null,
  switched_at timestamptz
);
create index retrieval_index_by_collection on retrieval_index (collection_id);

create table retrieval_file (
  id text primary key,
  tenant text not null,
  filename text not null,
  purpose text not null,
  bytes integer not null,
  sha256 text not null,
  content bytea not null,
  created_at timestamptz not null
);
create index retrieval_file_by_tenant on retrieval_file (tenant, id);

create table retrieval_batch (
  id text primary key,
  tenant text not null,
  collection_id text not null references retrieval_collection (id) on delete cascade,
  cancelled_at timestamptz,
  created_at timestamptz not null
);

create table retrieval_document (
  id text primary key,
  tenant text not null,
  collection_id text not null references retrieval_collection (id) on delete cascade,
  external_id text not null,
  -- The folder, address or upload a document came from; a folder that is synchronised may remove what vanished from it.
  source text not null,
  file_id text,
  batch_id text,
  title text,
  attributes jsonb not null default '{}',
  status text not null check (status in ('in_progress', 'completed', 'failed', 'cancelled')),
  error_code text,
  error_message text,
  -- Null until the first version is complete. A failed update leaves the version before it in place.
  version_id text,
  version integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (collection_id, external_id)
);
create index retrieval_document_by_file on retrieval_document (collection_id, file_id);
create index retrieval_document_by_batch on retrieval_document (batch_id);

create table retrieval_document_version (
  id text primary key,
  document_id text not null references retrieval_document (id) on delete cascade,
  version integer not null,
  content_sha256 text not null,
  -- Hash of parser, chunker and their settings.
  pipeline_sha256 text not null,
  bytes bigint not null,
  characters integer not null,
  chunks integer not null,
  created_at timestamptz not null,
  unique (document_id, version)
);

-- The chunks of each document's current version. A chunk whose content did not change keeps its id and vectors across versions.
create table retrieval_chunk (
  id text primary key,
  tenant text not null,
  collection_id text not null references retrieval_collection (id) on delete cascade,
  document_id text not null references retrieval_document (id) on delete cascade,
  version_id text not null references retrieval_document_version (id) on delete cascade,
  ordinal integer not null,
  heading_path jsonb not null,
  text text not null,
  content_sha256 text not null,
  char_start integer not null,
  char_end integer not null,
  page integer,
  tokens integer not null,
  ts tsvector not null
);
create index retrieval_chunk_by_document on retrieval_chunk (document_id, ordinal);
create index retrieval_chunk_by_collection on retrieval_chunk (collection_id, id);
create index retrieval_chunk_by_content on retrieval_chunk (collection_id, content_sha256);
create index retrieval_chunk_words on retrieval_chunk using gin (ts);

create table retrieval_entry (
  index_id text not null references retrieval_index (id) on delete cascade,
  label integer not null,
  chunk_id text not null references retrieval_chunk (id) on delete cascade,
  -- Little-endian 32-bit floats.
  vector bytea not null,
  primary key (index_id, label),
  unique (index_id, chunk_id)
);
create index retrieval_entry_by_chunk on retrieval_entry (chunk_id);

create table retrieval_change (
  index_id text not null references retrieval_index (id) on delete cascade,
  seq bigint not null,
  op text not null check (op in ('add', 'remove')),
  label integer not null,
  created_at timestamptz not null,
  primary key (index_id, seq)
);
