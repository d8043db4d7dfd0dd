import { z } from 'zod'

const positive = z.number().int().positive()

/** Where replicas share cached answers. Read at start. */
export const cacheStore = z.discriminatedUnion('store', [
  z.strictObject({ store: z.literal('database') }),
  z.strictObject({
    store: z.literal('redis'),
    /** Of Redis 7 or Valkey. */
    url: z.url({ protocol: /^(redis|valkey)s?$/ }),
    /** Begins every key, so that several systems may share a server. */
    prefix: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .default('weir'),
  }),
])

/** Complete answers are given again to the same request of the same tenant and variant. */
export const routeCache = z.strictObject({
  ttl_s: positive.max(365 * 24 * 3600),
  /** How long after that a stale answer is given while a new one is made. */
  stale_s: z
    .number()
    .int()
    .nonnegative()
    .max(365 * 24 * 3600)
    .default(0),
  /** `deterministic`: requests with temperature 0 or a seed, and those that ask for it with `weir.cache`. */
  requests: z.enum(['deterministic', 'all']).default('deterministic'),
  /** An answer is also given to the same question in other words, within the tenant, the variant, the parameters and the conversation. */
  semantic: z
    .strictObject({
      embedding: z.string().min(1),
      /** Cosine of the two questions. */
      min_similarity: z.number().min(0.5).max(1).default(0.95),
      /** How long a request waits for the embedding model before it goes on without. */
      wait_ms: positive.max(1000).default(50),
      /** Of the hits, how many are asked of the model all the same, to see whether it agrees. */
      check_percent: z.number().min(0).max(100).default(5),
      /** Cosine from which two answers agree. */
      min_answer_similarity: z.number().min(0).max(1).default(0.8),
      /** Of the checked hits, how many may be wrong before the variant's semantic cache is switched off; the first `min_checks` count as so many. */
      max_wrong_percent: z.number().min(0).max(100).default(2),
      min_checks: positive.default(50),
    })
    .optional(),
})
