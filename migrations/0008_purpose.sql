-- Why a request was made: for a user, or to learn something. Only live ones count as traffic.
alter table traces add column purpose text not null default 'live' check (purpose in ('live', 'shadow', 'eval', 'replay'));
