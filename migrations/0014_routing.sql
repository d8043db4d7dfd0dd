-- The rule that chose the variant, and the answer of a cascade that was thrown away for a larger model's, with what it cost.
alter table traces add column rule text, add column escalation jsonb;
