-- The side of a comparison that a request's subject was dealt to, while a rollout compares two variants.
alter table traces add column arm text check (arm in ('candidate', 'control'));
create index traces_arm on traces (route, started_at) where arm is not null;
create index traces_failed on traces (route, started_at) where status = 'error' or finish_reason = 'content_filter';
