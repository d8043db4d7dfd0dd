import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ExactVectors } from '../../src/retrieval/index/exact.ts'
import { filteredSearch } from '../../src/retrieval/index/filtered.ts'
import type { VectorIndex } from '../../src/retrieval/index/vector-index.ts'
import { clusteredVectors } from './support/random.ts'

const dimensions = 48

/** What every index promises, measured against exact search over the same `size` vectors. `settled` resolves when background building has ended.
 * Skipped when `open` gives undefined: the machine lacks what the index needs. */
export const vectorIndexContract = (
  name: string,
  open: (indexId: string, dimensions: number) => Promise<{ index: VectorIndex; settled?: () => Promise<void> } | undefined>,
  size = 3000,
) => {
  describe(`${name} keeps the contract of VectorIndex`, () => {
    const next = clusteredVectors({ dimensions, clusters: 40, intrinsic: 24, seed: 7 })
    const vectors = Array.from({ length: size }, next)
    const queries = Array.from({ length: 40 }, next)
    const oracle = new ExactVectors(dimensions)
    let available = false
    let index: VectorIndex
    let settled: (() => Promise<void>) | undefined

    beforeAll(async () => {
      const opened = await open('contract', dimensions)
      available = opened !== undefined
      if (opened === undefined) return
      ;({ index, settled } = opened)
      for (let at = 0; at < size; at += 500)
        await index.add(vectors.slice(at, at + 500).map((vector, offset) => ({ label: at + offset, vector })))
      for (const [label, vector] of vectors.entries()) oracle.add({ label, vector })
      await settled?.()
    }, 120_000)
    afterAll(() => index?.close())
    beforeEach((context) => context.skip(!available, 'what the index needs is not on this machine'))

    test('finds what exact search finds', async () => {
      let found = 0
      for (const query of queries) {
        const exact = new Set(oracle.search(query, 10).map((neighbour) => neighbour.label))
        for (const { label } of await index.search(query, 10)) if (exact.has(label)) found += 1
      }
      expect(found / (queries.length * 10)).toBeGreaterThanOrEqual(0.98)
    })

    test('scores are cosine similarities, best first', async () => {
      const best = await index.search(vectors[17] as Float32Array, 5)
      expect(best[0]).toEqual({ label: 17, score: expect.closeTo(1, 3) })
      expect(best.map((neighbour) => neighbour.score)).toEqual(best.map((neighbour) => neighbour.score).sort((left, right) => right - left))
      expect(best[4]?.score).toBeCloseTo(
        oracle.searchAmong(vectors[17] as Float32Array, 1, [best[4]?.label as number])[0]?.score as number,
        3,
      )
    })

    test('the length of a vector does not matter', async () => {
      const scaled = (vectors[3] as Float32Array).map((value) => value * 250)
      expect((await index.search(scaled, 1))[0]).toEqual({ label: 3, score: expect.closeTo(1, 3) })
    })

    test('returns all there are when k is larger than the index', async () => {
      expect(await index.search(queries[0] as Float32Array, size + 50)).toHaveLength(size)
    })

    test('searches exactly among named labels and passes over unknown ones', async () => {
      const among = [5, 900, 901, 2500, 999_999]
      expect(await index.searchAmong(queries[1] as Float32Array, 3, among)).toEqual(
        oracle.searchAmong(queries[1] as Float32Array, 3, among).map(({ label, score }) => ({ label, score: expect.closeTo(score, 3) })),
      )
      expect(await index.searchAmong(queries[1] as Float32Array, 3, [])).toEqual([])
    })

    test.each([
      ['a rare property', 97],
      ['a common property', 3],
    ])('a filter on %s returns k, the right ones', async (_title, modulus) => {
      const keeps = (label: number) => label % modulus === 0
      const matching = vectors.map((_, label) => label).filter(keeps)
      const query = queries[2] as Float32Array
      const found = await filteredSearch(index, query, 10, {
        labels: async (limit) => matching.slice(0, limit),
        keep: async (labels) => new Set(labels.filter(keeps)),
      })
      const exact = oracle.searchAmong(query, 10, matching).map((neighbour) => neighbour.label)
      expect(found).toHaveLength(10)
      expect(found.filter((neighbour) => exact.includes(neighbour.label)).length).toBeGreaterThanOrEqual(9)
    })

    test('adding a label again changes nothing', async () => {
      await index.add([{ label: 17, vector: queries[0] as Float32Array }])
      expect(await index.count()).toBe(size)
      expect((await index.search(vectors[17] as Float32Array, 1))[0]?.label).toBe(17)
    })

    test('a removed label is never found again, and removing it twice is nothing', async () => {
      await index.remove([17, 18])
      await index.remove([17, 123_456])
      expect(await index.count()).toBe(size - 2)
      const labels = (await index.search(vectors[17] as Float32Array, size)).map((neighbour) => neighbour.label)
      expect(labels).not.toContain(17)
      expect(labels).toHaveLength(size - 2)
      expect(await index.searchAmong(vectors[18] as Float32Array, 1, [18])).toEqual([])
    })

    test.each([
      ['another dimension', new Float32Array(dimensions + 1).fill(1)],
      ['NaN', new Float32Array(dimensions).fill(Number.NaN)],
      ['infinity', new Float32Array(dimensions).fill(Number.POSITIVE_INFINITY)],
      ['no direction', new Float32Array(dimensions)],
    ])('refuses a vector with %s', async (_title, vector) => {
      await expect(index.add([{ label: size + 1, vector }])).rejects.toMatchObject({ code: 'invalid_request' })
      await expect(index.search(vector, 1)).rejects.toMatchObject({ code: 'invalid_request' })
      expect(await index.count()).toBe(size - 2)
    })

    test('searches while vectors are added', async () => {
      const later = Array.from({ length: 300 }, (_, at) => ({ label: size + 1000 + at, vector: next() }))
      const [answers] = await Promise.all([Promise.all(queries.map((query) => index.search(query, 10))), index.add(later)])
      expect(answers.every((answer) => answer.length === 10)).toBe(true)
      await settled?.()
      expect((await index.search(later[250]?.vector as Float32Array, 1))[0]?.label).toBe(size + 1250)
    })
  })
}
