import { describe, expect, test } from 'vitest'
import { assign, deal } from '../../src/rollout/assign.ts'
import { applyOverlay, type RouteOverlay } from '../../src/rollout/overlay.ts'
import type { Route, Variant } from '../../src/rollout/route.ts'

const variant = (name: string, weightPercent: number): Variant => ({ name, weightPercent, model: 'm', defaults: {}, hash: name })
const declared: Route = { name: 'r', seed: 's', variants: [variant('stable', 100), variant('next', 0)] }
const trialOf = (weightPercent: number): Route =>
  applyOverlay(declared, { trial: { candidate: 'next', control: 'stable', weightPercent, seed: 'rollout-1' } })
const subjects = Array.from({ length: 20_000 }, (_, index) => `user-${index}`)
const armsAt = (weightPercent: number) => subjects.map((subject) => deal(trialOf(weightPercent), subject).arm)

describe('a trial', () => {
  test.each([1, 5, 25, 50])('deals %d percent to the candidate, as much to the control, and the rest to neither', (weightPercent) => {
    const arms = armsAt(weightPercent)
    for (const arm of ['candidate', 'control']) {
      const expected = subjects.length * (weightPercent / 100)
      expect(Math.abs(arms.filter((one) => one === arm).length - expected)).toBeLessThan(4.5 * Math.sqrt(expected))
    }
    expect(arms.includes(null)).toBe(weightPercent < 50)
  })

  test('moves nobody who has a side when its weight is raised', () => {
    const paths = [5, 10, 25, 50].map(armsAt)
    for (let step = 1; step < paths.length; step += 1) {
      paths[step - 1]!.forEach((arm, index) => {
        if (arm !== null) expect(paths[step]![index]).toBe(arm)
      })
    }
  })

  test('gives the control the stable variant, and everybody else what they had', () => {
    const route = trialOf(10)
    for (const subject of subjects.slice(0, 2_000)) {
      const { variant: given, arm } = deal(route, subject)
      expect(given.name).toBe(arm === 'candidate' ? 'next' : 'stable')
      if (arm === null) expect(given).toBe(assign(route, subject))
    }
  })

  test('costs at most 5 µs', () => {
    const route = trialOf(10)
    const batch = () => {
      const start = performance.now()
      for (let index = 0; index < 2000; index += 1) deal(route, `user-${index}`)
      return ((performance.now() - start) * 1000) / 2000
    }
    // The best of ten: others use this machine too.
    expect(Math.min(...Array.from({ length: 10 }, batch))).toBeLessThan(5)
  })

  test('is dealt by another hash than the weights, and anew for another rollout', () => {
    const other = applyOverlay(declared, { trial: { candidate: 'next', control: 'stable', weightPercent: 50, seed: 'rollout-2' } })
    const same = subjects.filter((subject) => deal(other, subject).arm === deal(trialOf(50), subject).arm).length
    expect(Math.abs(same / subjects.length - 0.5)).toBeLessThan(0.02)
  })
})

describe('an overlay', () => {
  test('replaces weights, and takes weight from what is disabled', () => {
    const overlay: RouteOverlay = { weights: new Map([['next', 100]]) }
    expect(assign(applyOverlay(declared, overlay), 'x').name).toBe('next')
    const disabled = applyOverlay({ ...declared, variants: [variant('a', 50), variant('b', 50)] }, { disabled: new Set(['b']) })
    expect(new Set(subjects.slice(0, 500).map((subject) => assign(disabled, subject).name))).toEqual(new Set(['a']))
  })

  test('leaves out what is not declared any more, or is disabled', () => {
    const gone = applyOverlay(declared, {
      trial: { candidate: 'gone', control: 'stable', weightPercent: 5, seed: 's' },
      shadow: { variant: 'gone', samplePercent: 10, maxConcurrency: 1 },
    })
    expect([gone.trial, gone.shadow]).toEqual([undefined, undefined])
    const disabled = applyOverlay(declared, {
      disabled: new Set(['next']),
      trial: { candidate: 'next', control: 'stable', weightPercent: 5, seed: 's' },
    })
    expect(disabled.trial).toBeUndefined()
  })

  test('without one the route is in force as declared', () => expect(applyOverlay(declared, undefined)).toBe(declared))
})
