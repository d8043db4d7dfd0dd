import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endOf, freeOf, startOf, type Taken, take, type Window, waitOf } from '../../src/limits/window.ts'

const minute: Window = { kind: 'sliding', lengthMs: 60_000 }
const month: Window = { kind: 'calendar', period: 'month' }
const at = (text: string) => Date.parse(text)
const noon = at('2026-11-22T12:00:00Z')

describe('a sliding window', () => {
  test('grants up to the limit, then what slides out', () => {
    const first = take(undefined, { window: minute, limit: 60, want: 100, owed: 0 }, noon)
    expect(first.granted).toBe(60)
    expect(take(first.taken, { window: minute, limit: 60, want: 1, owed: 0 }, noon + 59_999).granted).toBe(0)
    // Half way through the next minute, half of the last one still counts.
    expect(take(first.taken, { window: minute, limit: 60, want: 100, owed: 0 }, noon + 90_000).granted).toBe(30)
    expect(take(first.taken, { window: minute, limit: 60, want: 100, owed: 0 }, noon + 120_000).granted).toBe(60)
  })

  test('says when a refused amount will be free, and it is free then', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 59_999 }),
        (limit, used, before, amount, elapsedMs) => {
          fc.pre(amount <= limit && used <= limit && before <= limit)
          const taken: Taken = { startMs: noon, used, before, warned: false }
          const ask = { window: minute, limit }
          const now = noon + elapsedMs
          if (freeOf(taken, ask, now) >= amount) return
          const wait = waitOf(taken, ask, amount, now)
          expect(wait).toBeGreaterThan(0)
          expect(freeOf(taken, ask, now + (wait as number) + 1)).toBeGreaterThanOrEqual(amount)
          // Not much too late either: a limit of 1 over a minute gives a unit per minute.
          if ((wait as number) > 61_000 / limit)
            expect(freeOf(taken, ask, now + (wait as number) - 60_000 / limit - 2)).toBeLessThan(amount)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('never grants more than the limit in a span, however it is asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.tuple(fc.nat(20_000), fc.nat(30)), { maxLength: 60 }), (limit, asks) => {
        let taken: Taken | undefined
        let now = noon
        const perSpan = new Map<number, number>()
        for (const [pauseMs, want] of asks) {
          now += pauseMs
          const grant = take(taken, { window: minute, limit, want, owed: 0 }, now)
          taken = grant.taken
          const span = startOf(minute, now)
          perSpan.set(span, (perSpan.get(span) ?? 0) + grant.granted)
          expect(perSpan.get(span)).toBeLessThanOrEqual(limit)
        }
      }),
    )
  })
})

describe('a calendar window', () => {
  test('begins at midnight and on the first, UTC', () => {
    expect(startOf({ kind: 'calendar', period: 'day' }, noon)).toBe(at('2026-11-22T00:00:00Z'))
    expect(startOf(month, noon)).toBe(at('2026-11-01T00:00:00Z'))
    expect(endOf(month, at('2026-12-31T23:59:59Z'))).toBe(at('2027-01-01T00:00:00Z'))
    expect(endOf({ kind: 'calendar', period: 'total' }, noon)).toBeUndefined()
  })

  test('starts from nothing when it begins', () => {
    const { taken } = take(undefined, { window: month, limit: 10, want: 10, owed: 0 }, noon)
    expect(take(taken, { window: month, limit: 10, want: 1, owed: 0 }, at('2026-11-30T23:59:59Z')).granted).toBe(0)
    expect(take(taken, { window: month, limit: 10, want: 1, owed: 0 }, at('2026-12-01T00:00:00Z')).granted).toBe(1)
  })

  test('is not opened again by a replica whose clock is behind', () => {
    const { taken } = take(undefined, { window: month, limit: 10, want: 10, owed: 0 }, at('2026-12-01T00:00:01Z'))
    expect(take(taken, { window: month, limit: 10, want: 1, owed: 0 }, at('2026-11-30T23:59:59Z'))).toMatchObject({ granted: 0, taken })
  })

  test('warns once', () => {
    const ask = { window: month, limit: 100, owed: 0, softLimit: 80 }
    const first = take(undefined, { ...ask, want: 79 }, noon)
    const second = take(first.taken, { ...ask, want: 1 }, noon)
    const third = take(second.taken, { ...ask, want: 1 }, noon)
    expect([first, second, third].map((grant) => grant.crossedSoftLimit)).toEqual([false, true, false])
  })
})

test('what was used too much counts, what was given back does not', () => {
  const { taken } = take(undefined, { window: minute, limit: 10, want: 5, owed: 0 }, noon)
  expect(take(taken, { window: minute, limit: 10, want: 10, owed: 20 }, noon)).toMatchObject({ granted: 0, taken: { used: 25 } })
  expect(take(taken, { window: minute, limit: 10, want: 10, owed: -3 }, noon)).toMatchObject({ granted: 8, taken: { used: 10 } })
})
