import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'

const withPlan = (plan: string) =>
  parseConfig(
    `
models: { m: { kind: llm, provider: p, model: x } }
providers: { p: { kind: openai-compatible, base_url: 'http://127.0.0.1:1/v1' } }
metrics: { solved: { type: boolean }, intent: { type: label, labels: [a, b] } }
routes:
  r:
    variants: [{ name: stable, model: m }, { name: next, model: m, weight_percent: 0 }]
    rollout: ${plan}
`,
    'weir.yaml',
    {},
  ).routes.r?.rollout

test('a plan is usual where nothing is said: a shadow, three canaries, everybody', () => {
  const plan = withPlan('{ candidate: next }')
  expect(plan?.steps.map(({ mode, weight_percent }) => [mode, weight_percent])).toEqual([
    ['shadow', 20],
    ['canary', 5],
    ['canary', 25],
    ['canary', 50],
    ['canary', 100],
  ])
  expect(plan).toMatchObject({ start: 'manual', alpha: 0.05, failure_margin: 0.02, rescue: true, metrics: {} })
})

test.each([
  ['{ candidate: nxt }', 'rollout.candidate: no variant of this route is named nxt'],
  ['{ candidate: next, stable: next }', 'rollout.stable: is the candidate'],
  ['{ start: auto }', 'rollout.candidate: start: auto needs one'],
  ['{ steps: [{ weight_percent: 60 }] }', 'steps.0.weight_percent: at most 50, because the control needs as many subjects'],
  ['{ steps: [{ weight_percent: 100 }] }', 'rollout.steps: name a canary or ab step of at most 50 percent'],
  ['{ steps: [{ mode: shadow, weight_percent: 80 }] }', 'rollout.steps: name a canary or ab step'],
  ['{ steps: [{ weight_percent: 100 }, { weight_percent: 5 }] }', 'rollout.steps: only the last step may give the candidate everything'],
  ['{ steps: [{ weight_percent: 5, max_duration_s: 60 }] }', 'steps.0.max_duration_s: is shorter than min_duration_s'],
  ['{ metrics: { latencyy: { role: signal } } }', 'metrics.latencyy: no metric with numbers is named latencyy'],
  ['{ metrics: { intent: { role: signal } } }', 'metrics.intent: no metric with numbers is named intent'],
  ['{ steps: [{ weight_percent: 5, gates: auto }] }', 'steps.0.gates: unknown key'],
])('%s is refused at its line', (plan, message) => {
  expect(() => withPlan(plan)).toThrow(/^weir\.yaml:8:/)
  expect(() => withPlan(plan)).toThrow(message)
})
