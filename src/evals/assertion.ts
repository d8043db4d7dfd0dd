import { scorerOf, scorerTypes } from './scorers/index.ts'
import type { AssertionSpec } from './suite.ts'
import type { RawAssertion } from './suite-schema.ts'

/** An assertion as it is written, ready to judge. `filled` puts variables in; each thing that is wrong with it goes to `fault`. */
export const toAssertion = (raw: RawAssertion, filled: <Value>(value: Value) => Value, fault: (message: string) => void): AssertionSpec => {
  const { type: written, value, threshold, weight = 1, metric, assert, ...config } = raw
  if (written === 'assert-set') {
    if (!assert) fault('assert-set needs an `assert` of its own')
    const children = (assert ?? []).map((one) => toAssertion(one, filled, fault))
    return { type: written, negated: false, value: undefined, threshold, weight, metric: metric ?? written, config, children }
  }
  const negated = written.startsWith('not-') && scorerOf(written) === undefined
  const type = negated ? written.slice(4) : written
  const scorer = scorerOf(type)
  const spec: AssertionSpec = { type, negated, value: filled(value), threshold, weight, metric: metric ?? written, config }
  if (scorer === undefined) {
    fault(`there is no assertion '${written}'; known are ${scorerTypes().join(', ')}, each also with not-`)
    return spec
  }
  const checked = scorer.config?.safeParse(config)
  if (checked && !checked.success) fault(`${written}: ${checked.error.issues[0]?.message}`)
  const refused = scorer.refuse?.(spec)
  if (refused !== undefined) fault(refused)
  return spec
}
