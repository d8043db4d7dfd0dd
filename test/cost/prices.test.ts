import { describe, expect, test } from 'vitest'
import { createCost, createPriceOf, readPriceTable } from '../../src/compose/prices.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { costOf } from '../../src/cost/cost-of.ts'
import { parsePriceTable } from '../../src/cost/price-table.ts'

const usage = { promptTokens: 1_000_000, completionTokens: 100_000, cachedTokens: 400_000 }
const nowMs = Date.parse('2026-11-22T12:00:00Z')

const file = `
providers:
  openai: { kind: openai-compatible, base_url: https://api.openai.com/v1, api_key: k }
  elsewhere: { kind: openai-compatible, base_url: https://models.example/v1, api_key: k }
models:
  listed: { kind: llm, provider: openai, model: gpt-4.1-mini }
  own-price: { kind: llm, provider: openai, model: gpt-4.1-mini, price: { input_per_million_usd: 1, output_per_million_usd: 2 } }
  elsewhere: { kind: llm, provider: elsewhere, model: gpt-4.1-mini }
  local: { kind: llm, path: a.gguf, sha256: ${'a'.repeat(64)}, price: { second_usd: 0.01 } }
  unpriced: { kind: llm, path: a.gguf, sha256: ${'a'.repeat(64)} }
`

describe('the cost of a request', () => {
  const table = readPriceTable()
  const priceOf = createPriceOf(parseConfig(file, 'weir.yaml', {}), table)
  const cost = createCost(() => priceOf)
  const of = (model: string, changes: { upstreamModel?: string; upstreamMs?: number | null; atMs?: number } = {}) =>
    cost({ model, upstreamModel: null, usage, upstreamMs: null, atMs: nowMs, ...changes })

  test('counts input, cached input and output at the prices of the host', () => {
    expect(of('listed')).toBeCloseTo(0.6 * 0.4 + 0.4 * 0.1 + 0.1 * 1.6, 12)
  })

  test('follows the model that the host says it used, dated snapshots included', () => {
    expect(of('listed', { upstreamModel: 'gpt-4o-2024-08-06' })).toBeCloseTo(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10, 12)
    expect(of('listed', { upstreamModel: 'gpt-4o-2024-05-13' })).toBeCloseTo(1 * 5 + 0.1 * 15, 12)
    expect(of('listed', { upstreamModel: 'something-else' })).toBe(of('listed'))
  })

  test('goes by the price in weir.yaml first; without a price for cached input it costs as much as other input', () => {
    expect(of('own-price')).toBeCloseTo(1 + 0.2, 12)
  })

  test('is by the second for a local model that says so', () => {
    expect(of('local', { upstreamMs: 2500 })).toBeCloseTo(0.025, 12)
    expect(of('local', { upstreamMs: null })).toBeNull()
  })

  test('is unknown, not zero, for another host, a model without a price, and a day before the first price', () => {
    expect(of('elsewhere')).toBeNull()
    expect(of('unpriced', { upstreamMs: 1000 })).toBeNull()
    expect(of('listed', { atMs: Date.parse('2020-01-01') })).toBeNull()
  })

  test('changes on the day a price does', () => {
    const at = (day: string) => table.priceAt('api.anthropic.com', 'claude-sonnet-5-5', Date.parse(day))
    expect(at('2026-10-06T23:59:59Z')).toMatchObject({ cachedInputPerMillionUsd: 0.2 })
    expect(at('2026-10-07T00:00:00Z')).toMatchObject({ cachedInputPerMillionUsd: 0.1 })
  })
})

test('a bad price table names the file and the place', () => {
  const text = 'host:\n  model:\n    - { from: 2026-01-01, input_per_million_usd: -1, output_per_million_usd: 1 }\n'
  expect(() => parsePriceTable(text, 'prices.yaml')).toThrow(/^prices\.yaml: host\.model\.0\.input_per_million_usd: /)
})

test('hosts may price images apart, or the seconds that a model works', () => {
  const table = parsePriceTable(
    `
models.example:
  eye: [{ from: 2026-01-01, input_per_million_usd: 1, output_per_million_usd: 2, image_usd: 0.003 }]
  ear: [{ from: 2026-01-01, second_usd: 0.0001 }]
`,
    'prices.yaml',
  )
  const [eye, ear] = ['eye', 'ear'].map((model) => table.priceAt('models.example', model, nowMs))
  const tokens = { promptTokens: 1000, completionTokens: 500, cachedTokens: 0 }
  expect(costOf(eye!, { usage: tokens, images: 2, upstreamMs: null })).toBeCloseTo(0.002 + 0.006, 12)
  expect(costOf(ear!, { usage: tokens, images: 2, upstreamMs: 30_000 })).toBeCloseTo(0.003, 12)
  for (const row of ['second_usd: 1, image_usd: 1', 'input_per_million_usd: 1', 'image_usd: 1']) {
    expect(() => parsePriceTable(`h: { m: [{ from: 2026-01-01, ${row} }] }`, 'prices.yaml')).toThrow('or second_usd alone')
  }
})
