import { z } from 'zod'
import { piiKinds } from '../lib/pii.ts'
import { detectors } from '../monitors/detectors/index.ts'
import { tags } from '../monitors/signal.ts'

/** `monitors` of `weir.yaml`, by route: what is followed, how windows are compared with the reference, and what an alarm sets off. */
const minutes = z
  .number()
  .int()
  .min(1)
  .max(31 * 24 * 60)
const count = z.number().int().positive().max(1_000_000)
const webUrl = z.url({ protocol: /^https?$/ })

const window = z
  .strictObject({ minutes: minutes.optional(), requests: count.optional() })
  .refine((given) => (given.minutes === undefined) !== (given.requests === undefined), { message: 'give either minutes or requests' })
  .prefault({ minutes: 60 })

const detectorNames = detectors.map(({ name }) => name) as [string, ...string[]]

const signalSettings = z.strictObject({
  enabled: z.boolean().default(true),
  detector: z.enum(detectorNames).optional(),
  /** Smallest effect that counts, in the detector's own measure. */
  effect_floor: z.number().nonnegative().optional(),
})

const on = z
  .array(z.enum(tags))
  .min(1)
  .default([...tags])

/** Beside the alert, which is always opened. */
const action = z.discriminatedUnion('do', [
  /** Signed with HMAC-SHA256 when there is a secret. */
  z.strictObject({ do: z.literal('webhook'), on, url: webUrl, secret: z.string().min(1).optional() }),
  z.strictObject({ do: z.literal('retrain'), on, url: webUrl, secret: z.string().min(1).optional() }),
  z.strictObject({ do: z.literal('hold_rollout'), on }),
  z.strictObject({ do: z.literal('run_eval'), on, suite: z.string().min(1) }),
])

const golden = z.strictObject({
  /** JSON lines of `{"id", "messages"}` or `{"id", "prompt"}`, asked of the variant that most subjects get. */
  file: z.string().min(1),
  every_hours: z
    .number()
    .positive()
    .max(31 * 24)
    .default(24),
  /** Compares answers by meaning; by their words when absent. */
  embedder: z.string().optional(),
  /** Fall of the mean similarity that counts as another behaviour. */
  tolerance: z.number().gt(0).max(1).default(0.05),
})

const monitor = z.strictObject({
  window,
  like_hours: z.boolean().default(false),
  min_samples: count.default(50),
  alpha: z.number().min(0.0001).max(0.5).default(0.05),
  consecutive_windows: z.number().int().min(1).max(10).default(2),
  /** How long traces may take to arrive: windows are closed so much later. */
  lateness_s: z.number().int().min(0).max(86_400).default(300),
  /** Makes the first reference of each variant out of its first so many requests. */
  auto_reference_requests: count.optional(),
  /** Embeds a sample of the prompts, so that new topics are seen. */
  embedder: z.string().optional(),
  /** What reports show of requests: their texts without personal data, or none of them. */
  examples: z
    .union([
      z.literal('off'),
      z.strictObject({
        redact: z.array(z.enum(piiKinds)).default([...piiKinds]),
        /** Where phone numbers without a country code are from, as ISO 3166. */
        country: z
          .string()
          .regex(/^[A-Z]{2}$/, 'use two capitals, such as GB')
          .optional(),
      }),
    ])
    .prefault({}),
  signals: z.record(z.string(), signalSettings).default({}),
  actions: z.array(action).default([]),
  golden: golden.optional(),
})

export const monitors = z.record(z.string(), monitor).default({})

export type MonitorSettings = z.infer<typeof monitor>
