import { z } from 'zod'
import { toAssertion } from '../assertion.ts'
import { questionFreeTypes, scorerOf } from '../scorers/index.ts'
import type { AssertionSpec } from '../suite.ts'

const fields = z.looseObject({
  /** Under which its scores are stored. */
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'use lower-case letters, digits, _ and - (a letter first)'),
  type: z.string().min(1),
  value: z.unknown().optional(),
  threshold: z.number().optional(),
})

/** A scorer of live answers: an assertion of a suite that needs no expected value. */
export const onlineScorer = fields.superRefine((raw, context) => {
  const faults: string[] = []
  const { type } = toSpec(raw, (message) => faults.push(message))
  const own = scorerOf(type)?.type
  if (own !== undefined && !questionFreeTypes().includes(own))
    faults.push(`'${raw.type}' compares with what is right for one question; for live answers there are ${questionFreeTypes().join(', ')}`)
  if (type === 'assert-set') faults.push('an assert-set is for suites')
  for (const message of faults) context.addIssue({ code: 'custom', message })
})

export type OnlineScorer = z.infer<typeof onlineScorer>

/** The scorer as an assertion; its name is the metric. */
export const onlineAssertion = (raw: OnlineScorer): AssertionSpec => toSpec(raw, () => {})

const toSpec = ({ name, ...assertion }: z.infer<typeof fields>, fault: (message: string) => void): AssertionSpec =>
  toAssertion({ weight: 1, ...assertion, metric: name }, (value) => value, fault)
