-- The secret before the last rotation, while it still works, and the origins of web pages that may use the key.
alter table api_keys
  add column previous_hash text,
  add column previous_until timestamptz,
  add column allowed_origins text[],
  add constraint api_keys_previous check ((previous_hash is null) = (previous_until is null));

-- The organisation above a tenant, for limits, budgets and reports. A tenant without a row has none.
create table projects (
  tenant text primary key,
  organisation text not null
);
create index projects_organisation on projects (organisation);
