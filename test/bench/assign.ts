/**
 * How long does it take to tell which variant a subject gets? Goal: at most 5 µs a request, in memory.
 *
 *   bun test/bench/assign.ts
 *
 * 200,000 subjects a case after as many for warming up, five times; the median of the five means.
 */
import { deal } from '../../src/rollout/assign.ts'
import { applyOverlay } from '../../src/rollout/overlay.ts'
import type { Route, Variant } from '../../src/rollout/route.ts'

const variant = (name: string, weightPercent: number): Variant => ({ name, weightPercent, model: 'm', defaults: {}, hash: name })
const route = (...variants: [Variant, ...Variant[]]): Route => ({ name: 'support', seed: 'support', variants })
const two = route(variant('stable', 90), variant('next', 10))
const trial = { candidate: 'next', control: 'stable', weightPercent: 5, seed: '0198c1f0-0000-7000-8000-000000000000' }
const cases: Record<string, Route> = {
  'one variant': route(variant('only', 100)),
  'two variants, 90 and 10': two,
  'five variants': route(...(['a', 'b', 'c', 'd', 'e'].map((name) => variant(name, 20)) as [Variant, ...Variant[]])),
  'a canary of 5 % over two variants': applyOverlay(route(variant('stable', 100), variant('next', 0)), { trial }),
}

const count = 200_000
const subjects = Array.from({ length: count }, (_, index) => `user-${index}@example.com`)
let seen = 0
const round = (of: Route): number => {
  const started = performance.now()
  for (const subject of subjects) seen += deal(of, subject).variant.name.length
  return ((performance.now() - started) / count) * 1000
}

for (const [name, of] of Object.entries(cases)) {
  round(of)
  const times = Array.from({ length: 5 }, () => round(of)).sort((left, right) => left - right)
  console.log(`${name}: ${times[2]?.toFixed(2)} µs (${times[0]?.toFixed(2)} to ${times[4]?.toFixed(2)})`)
}
if (seen === 0) throw new Error('nobody was dealt')
