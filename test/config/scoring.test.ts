import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'

const configOf = (scoring: string, metrics = '{}') =>
  parseConfig(
    `
providers: { host: { kind: openai-compatible, base_url: "http://localhost:1/v1" } }
models: { mock: { kind: llm, provider: host, model: mock } }
metrics: ${metrics}
routes: { a: { variants: [{ name: only, model: mock }], scoring: ${scoring} } }
`,
    'weir.yaml',
    {},
  )
const kind = '{ name: kind, type: llm-rubric, value: is kind }'

test('scoring of a route, and a metric of its scores', () => {
  const { routes, metrics } = configOf(
    `{ sample_percent: 5, judge: mock, max_usd_per_day: 2, scorers: [${kind}, { name: rude, type: not-contains, value: fool }] }`,
    '{ kind: { type: float, source: online_score, scorer: kind, aggregation: mean } }',
  )
  expect(routes.a?.scoring).toMatchObject({ sample_percent: 5, concurrency: 2, scorers: [{ name: 'kind' }, { name: 'rude' }] })
  expect(metrics.kind).toMatchObject({ scorer: 'kind', level: 'inference' })
})

test.each([
  [`{ sample_percent: 0, scorers: [${kind}] }`, /sample_percent/],
  [`{ sample_percent: 5, scorers: [${kind}] }`, /'llm-rubric' needs a judge/],
  [`{ sample_percent: 5, judge: mock, scorers: [${kind}] }`, /a hosted judge costs money for every answer: set max_usd_per_day/],
  [`{ sample_percent: 5, judge: nobody, max_usd_per_day: 1, scorers: [${kind}] }`, /no llm is named nobody/],
  [`{ sample_percent: 5, judge: mock, max_usd_per_day: 1, scorers: [${kind}, ${kind}] }`, /two scorers have one name/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: equals, value: yes }] }', /'equals' compares with what is right for one question/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: not-similar, value: yes }] }', /'not-similar' compares with what is right/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: contain, value: yes }] }', /there is no assertion 'contain'/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: latency }] }', /latency needs a threshold/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: classifier, model: none, value: bad }] }', /no classifier is named none/],
  ['{ sample_percent: 5, scorers: [{ name: x, type: is-json, colour: red }], budget: 5 }', /budget/],
])('%s is refused', (scoring, message) => {
  expect(() => configOf(scoring)).toThrow(message)
})

test.each([
  ['{ m: { type: float, source: online_score } }', /a metric of source: online_score names a scorer/],
  ['{ m: { type: float, scorer: short } }', /a metric of source: online_score names a scorer/],
  ['{ m: { type: float, source: online_score, scorer: other } }', /no scorer of a route is named other/],
  ['{ m: { type: float, source: online_score, scorer: short, aggregation: sum } }', /only a sample is scored/],
  ['{ m: { type: boolean, source: online_score, scorer: short, level: subject } }', /a scorer speaks of an answer/],
])('the metric %s is refused', (metrics, message) => {
  expect(() => configOf('{ sample_percent: 5, scorers: [{ name: short, type: word-count, value: 3 }] }', metrics)).toThrow(message)
})
