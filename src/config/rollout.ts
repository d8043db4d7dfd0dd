import { z } from 'zod'
import { usualShadow } from '../rollout/route.ts'

/** `rollout` of a route: how a candidate is let in. Read before it starts, and kept with the rollout. */
const positive = z.number().int().positive()
const seconds = z
  .number()
  .nonnegative()
  .max(365 * 24 * 3600)

const step = z
  .strictObject({
    /** `shadow`: copies of live requests; `canary`, `ab`: live subjects, with a control of equal size. */
    mode: z.enum(['shadow', 'canary', 'ab']).default('canary'),
    weight_percent: z.number().gt(0).max(100),
    min_duration_s: seconds.default(1800),
    /** After that a step which is neither passed nor failed is inconclusive. */
    max_duration_s: seconds.default(3 * 24 * 3600),
    /** Subjects that each arm needs. */
    min_samples: positive.default(200),
    gate: z.enum(['auto', 'manual']).default('auto'),
    on_inconclusive: z.enum(['hold', 'rollback']).default('hold'),
  })
  .refine(({ mode, weight_percent }) => mode === 'shadow' || weight_percent <= 50 || weight_percent === 100, {
    path: ['weight_percent'],
    message: 'at most 50, because the control needs as many subjects; or 100, for everybody',
  })
  .refine(({ min_duration_s, max_duration_s }) => max_duration_s >= min_duration_s, {
    path: ['max_duration_s'],
    message: 'is shorter than min_duration_s',
  })

const steps = z
  .array(step)
  .min(1)
  .refine((all) => all.some(({ mode, weight_percent }) => mode !== 'shadow' && weight_percent <= 50), {
    message: 'name a canary or ab step of at most 50 percent: without a comparison nothing is known of the candidate',
  })
  .refine((all) => all.slice(0, -1).every(({ mode, weight_percent }) => mode === 'shadow' || weight_percent <= 50), {
    message: 'only the last step may give the candidate everything',
  })

const standardSteps: z.input<typeof step>[] = [
  { mode: 'shadow', weight_percent: 20, min_duration_s: 600, min_samples: 100 },
  { weight_percent: 5 },
  { weight_percent: 25 },
  { weight_percent: 50 },
  { weight_percent: 100, min_duration_s: 0 },
]

export const rolloutPlanFields = {
  /** Risk of rolling back a candidate that is no worse, over the whole rollout and however often one looks. */
  alpha: z.number().min(0.0001).max(0.5).default(0.05),
  /** Largest increase of the share of failing subjects that is let through. */
  failure_margin: z.number().gt(0).max(1).default(0.02),
  /** Where the candidate fails before its first token, the stable variant's model answers; it counts as a failure all the same. */
  rescue: z.boolean().default(true),
  steps: steps.prefault(standardSteps),
  /** `latency`, `cost`, or a feedback metric: what happens when it gets worse, and by how much it may. */
  metrics: z
    .record(z.string(), z.strictObject({ role: z.enum(['guardrail', 'signal', 'report']), margin: z.number().nonnegative().optional() }))
    .default({}),
}

export const rollout = z
  .strictObject({
    candidate: z.string().optional(),
    /** What the candidate is compared with and replaces; the variant with the most weight when absent. */
    stable: z.string().optional(),
    /** `auto`: as soon as the candidate is a variant that was not rolled out before. */
    start: z.enum(['manual', 'auto']).default('manual'),
    ...rolloutPlanFields,
  })
  .refine(({ start, candidate }) => start === 'manual' || candidate !== undefined, {
    path: ['candidate'],
    message: 'start: auto needs one',
  })

/** `shadow` of a route: a variant that answers copies of live requests which nobody sees, for as long as it stands here. */
export const shadow = z.strictObject({
  variant: z.string(),
  /** Share of requests that are copied. */
  sample_percent: z.number().gt(0).max(100).default(usualShadow.samplePercent),
  /** Copies asked at the same time, by each replica; four times as many wait, and more are dropped. Also for the shadow step of a rollout. */
  max_concurrency: positive.max(1000).default(usualShadow.maxConcurrency),
})

export type RolloutSettings = z.infer<typeof rollout>
export type PlanSettings = Pick<RolloutSettings, keyof typeof rolloutPlanFields>
