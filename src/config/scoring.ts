import { z } from 'zod'
import { onlineScorer } from '../evals/online/online-scorer.ts'

/** `scoring` of a route: a sample of its live answers is judged in the background. */
export const scoring = z.strictObject({
  /** Share of live answers, drawn by the hash of their trace. */
  sample_percent: z.number().gt(0).max(100),
  scorers: z
    .array(onlineScorer)
    .min(1)
    .max(20)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two scorers have one name'),
  /** The model that judges. */
  judge: z.string().min(1).optional(),
  /** For `answer-relevance`. */
  embedder: z.string().min(1).optional(),
  /** Of the judge, from midnight to midnight UTC. */
  max_usd_per_day: z.number().positive().max(1_000_000).optional(),
  /** Answers that are judged at the same time. */
  concurrency: z.number().int().min(1).max(16).default(2),
})

export type ScoringSettings = z.infer<typeof scoring>
