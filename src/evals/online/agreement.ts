import { sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { type Interval, wilson } from '../../lib/stats/proportions.ts'
import { cohensKappa } from '../../lib/stats/repeats.ts'

/** How a scorer of live answers and people judged the same answers. */
export type Agreement = {
  scorer: string
  /** Answers that both judged. */
  answers: number
  bothGood: number
  bothBad: number
  /** The scorer let pass what people corrected, and the reverse. */
  onlyScorer: number
  onlyPeople: number
  share: number
  /** Of the share: Wilson, 95 %. */
  interval: Interval
  /** Cohen's: agreement beyond chance. Null when chance alone would always agree, such as when all are good to both. */
  kappa: number | null
}

/**
 * Compares the scorers of a dataset's traces with its reviews: an approved answer is good, and one that had to be corrected is not. Rejected
 * items, and those where a demonstration was approved in place of the answer, say nothing about the answer.
 */
export const agreementWith = async (db: Database, datasetId: string): Promise<Agreement[]> => {
  const rows = await db.execute<{ scorer: string; passed: boolean; good: boolean; count: number }>(sql`
    select s.scorer, s.passed, r.verdict = 'approved' as good, count(*)::int as count
    from dataset_items i join lateral (
      select verdict from dataset_reviews where item_id = i.id order by seq desc limit 1
    ) r on true
    join online_scores s on s.trace_id = i.trace_id
    where i.dataset_id = ${datasetId} and s.passed is not null
      and (r.verdict = 'corrected' or (r.verdict = 'approved' and i.demonstration is null))
    group by 1, 2, 3 order by 1`)
  return [...Map.groupBy(rows, ({ scorer }) => scorer)].map(([scorer, own]) => {
    const count = (passed: boolean, good: boolean) => own.find((row) => row.passed === passed && row.good === good)?.count ?? 0
    const counts = {
      bothGood: count(true, true),
      bothBad: count(false, false),
      onlyScorer: count(true, false),
      onlyPeople: count(false, true),
    }
    const { bothGood, bothBad, onlyScorer, onlyPeople } = counts
    const answers = bothGood + bothBad + onlyScorer + onlyPeople
    const pairs = own.flatMap(({ passed, good, count: times }) => Array<[string, string]>(times).fill([String(passed), String(good)]))
    return {
      scorer,
      answers,
      ...counts,
      share: (bothGood + bothBad) / answers,
      interval: wilson({ successes: bothGood + bothBad, trials: answers }),
      kappa: cohensKappa(pairs),
    }
  })
}
