import { z } from 'zod'
import { type Scorer, undetermined, verdict } from '../scorer.ts'

/** A classifier gives the output the label `value` with at least the threshold's probability; 0.5 when absent. */
export const classifier: Scorer = {
  type: 'classifier',
  config: z.strictObject({ model: z.string().optional(), provider: z.string().optional() }),
  refuse: ({ value, config }) =>
    typeof value !== 'string'
      ? 'classifier needs a label as its value'
      : config.model || config.provider
        ? undefined
        : 'classifier needs a `model`',
  score: async ({ text }, { value, threshold = 0.5, config }, { classify }) => {
    if (classify === undefined) return undetermined('no classifier is configured')
    const scores = await classify(String(config.model ?? config.provider), text)
    const score = scores.find(({ label }) => label === value)?.score
    if (score === undefined) return undetermined(`the classifier has no label ${String(value)}`)
    return { ...verdict(score >= threshold, `${String(value)} ${score.toFixed(3)}`), score }
  },
}
