import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'

const parse = (text: string) => parseConfig(text, 'weir.yaml', {})
const faultOf = (text: string) => {
  try {
    parse(text)
  } catch (error) {
    return (error as Error).message
  }
  return 'no fault'
}

describe('metrics in weir.yaml', () => {
  test('have defaults that follow from their type', () => {
    const { metrics } = parse('metrics:\n  solved: { type: boolean }\n  bought: { type: event }\n')
    expect(metrics).toEqual({
      solved: { type: 'boolean', direction: 'increase', role: 'report', level: 'inference', aggregation: 'last' },
      bought: { type: 'event', direction: 'increase', role: 'report', level: 'subject', aggregation: 'count' },
    })
  })

  test.each([
    ['an unknown type', 'metrics:\n  m: { type: bool }\n', /^weir\.yaml:2:\d+: metrics\.m\.type: /],
    ['an aggregation of another type', 'metrics:\n  m: { type: boolean, aggregation: sum }\n', /metrics\.m\.aggregation: /],
    ['an unknown key', 'metrics:\n  m: { type: float, unit: s }\n', /metrics\.m\.unit: unknown key/],
    ['a positive label that is none', 'metrics:\n  m: { type: label, labels: [a, b], positive: c }\n', /metrics\.m\.positive: is not one/],
    ['a label twice', 'metrics:\n  m: { type: label, labels: [a, a] }\n', /metrics\.m\.labels: two labels/],
    ['a name that every server has', 'metrics:\n  comment: { type: boolean }\n', /comment/],
  ])('refuse %s', (_, text, message) => {
    expect(faultOf(text)).toMatch(message)
  })

  const route = (experiment: string) =>
    `providers: { p: { kind: openai-compatible, base_url: 'http://127.0.0.1:1' } }\nmodels: { m: { kind: llm, provider: p, model: m } }\n` +
    `metrics: { solved: { type: boolean }, intent: { type: label, labels: [a, b] } }\n` +
    `routes: { r: { variants: [{ name: v, model: m }], experiment: ${experiment} } }\n`

  test('may be the primary one of an experiment', () => {
    expect(parse(route('{ control: v, primary_metric: solved, horizon_subjects: 100 }')).routes.r?.experiment?.control).toBe('v')
  })

  test.each([
    ['{ control: w }', /routes\.r\.experiment\.control: no variant of this route is named w/],
    ['{ primary_metric: sovled }', /routes\.r\.experiment\.primary_metric: no metric with numbers is named sovled/],
    ['{ primary_metric: intent }', /routes\.r\.experiment\.primary_metric: no metric with numbers is named intent/],
  ])('an experiment %s is refused', (experiment, message) => {
    expect(faultOf(route(experiment))).toMatch(message)
  })
})
