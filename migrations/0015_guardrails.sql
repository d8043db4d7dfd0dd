-- What each guardrail of the route did with the request, as a JSON list. Null when it has none.
alter table traces add column guardrails jsonb;
