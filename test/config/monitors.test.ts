import { expect, test } from 'vitest'
import { monitorPlans } from '../../src/compose/monitor-plans.ts'
import { parseConfig } from '../../src/config/parse.ts'

const base = `
providers: { host: { kind: openai-compatible, base_url: 'http://localhost:1/v1' } }
models:
  chat: { kind: llm, provider: host, model: chat }
  embed: { kind: embedding, provider: host, model: embed, dimensions: 8 }
routes: { support: { variants: [{ name: a, model: chat }] } }
metrics: { solved: { type: boolean } }
`
const read = (monitors: string) => parseConfig(base + monitors, 'weir.yaml', { SECRET: 's3cret' })
const faults = (monitors: string): string => {
  try {
    read(monitors)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

test('a monitor needs nothing but its route', () => {
  const [plan] = monitorPlans(read('monitors: { support: {} }'))
  expect(plan).toMatchObject({
    route: 'support',
    window: { minutes: 60 },
    consecutive: 2,
    latenessMs: 300_000,
    autoReference: null,
    actions: [],
  })
})

test('all of it becomes a plan', () => {
  const [plan] = monitorPlans(
    read(`monitors:
  support:
    window: { requests: 500 }
    like_hours: true
    examples: { redact: [email] }
    embedder: embed
    signals:
      latency: { detector: wasserstein-log, effect_floor: 0.3 }
      feedback:solved: { enabled: false }
    actions:
      - { do: webhook, on: [quality], url: 'https://example.org/hook', secret: '\${SECRET}' }
      - { do: hold_rollout }
    golden: { file: golden.jsonl, every_hours: 6, embedder: embed }
`),
  )
  expect(plan).toMatchObject({
    window: { requests: 500 },
    likeHours: true,
    examples: { kinds: ['email'] },
    signals: { latency: { enabled: true, detector: 'wasserstein-log', effectFloor: 0.3 }, 'feedback:solved': { enabled: false } },
    actions: [
      { do: 'webhook', on: ['quality'], secret: 's3cret' },
      { do: 'hold_rollout', on: ['data', 'quality', 'performance'] },
    ],
    golden: { everyMs: 6 * 3_600_000, embedder: 'embed' },
  })
})

test.each([
  ['an unknown key', 'monitors:\n  support:\n    windows: 5', 'weir.yaml:10:5: monitors.support.windows: unknown key'],
  [
    'two kinds of window',
    'monitors:\n  support:\n    window: { minutes: 5, requests: 5 }',
    'monitors.support.window: give either minutes or requests',
  ],
  ['a route that is not there', 'monitors: { sales: {} }', 'no route is named sales'],
  ['an embedder that is not there', 'monitors: { support: { embedder: chat } }', 'no embedding model is named chat'],
  ['a signal that is not there', 'monitors: { support: { signals: { mood: {} } } }', 'no signal is named mood'],
  ['a detector of another kind', 'monitors: { support: { signals: { failed: { detector: ks } } } }', 'ks does not compare rate signals'],
  ['an action without what it needs', 'monitors: { support: { actions: [{ do: webhook }] } }', 'monitors.support.actions.0.url'],
])('%s is a fault at its line', (_, monitors, message) => {
  expect(faults(monitors)).toContain(message)
})
