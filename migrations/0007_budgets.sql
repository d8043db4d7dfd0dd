-- What has been taken of limits and budgets, a row for each. Units are whole: requests, tokens, or billionths of a US dollar.
create table allowances (
  subject text primary key,
  started_at timestamptz not null,
  used bigint not null,
  used_before bigint not null,
  warned boolean not null
);
