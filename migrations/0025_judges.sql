-- Who judges live answers, by route and scorer: pinned when scoring began, and checked whenever it became another judge. The answers that the
-- earlier judge scored last are the frozen set: scored again, they tell whether later scores may be compared with earlier ones.
create table judge_checks (
  id uuid primary key,
  seq bigint generated always as identity,
  route text not null,
  scorer text not null,
  judge text not null,
  -- Hash of what the judge is made of, with the model that its host names.
  identity text not null,
  status text not null check (status in ('pinned', 'running', 'done')),
  answers integer not null default 0,
  mean_before double precision,
  mean_after double precision,
  -- After minus before, over the same answers: 95 % interval and two-sided p.
  difference double precision,
  low double precision,
  high double precision,
  p double precision,
  moved boolean,
  cost_usd double precision,
  at timestamptz not null
);
create index judge_checks_scorer on judge_checks (route, scorer, seq);
