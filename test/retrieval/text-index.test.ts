import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTsvector } from '../../src/retrieval/index/partition.ts'
import { decodeText, encodeText } from '../../src/retrieval/index/text-file.ts'
import { TextIndex } from '../../src/retrieval/index/text-index.ts'

const counts = (text: string) => {
  const terms = new Map<string, number>()
  for (const term of text.split(' ').filter(Boolean)) terms.set(term, (terms.get(term) ?? 0) + 1)
  return terms
}

/** BM25 straight from its definition, over all documents. */
const byDefinition = (documents: Map<number, string>, query: string[]) => {
  const bags = [...documents].map(([label, text]) => ({ label, terms: counts(text), length: text.split(' ').filter(Boolean).length }))
  const average = Math.max(1, bags.reduce((sum, bag) => sum + bag.length, 0) / Math.max(1, bags.length))
  const idf = (term: string) => {
    const containing = bags.filter((bag) => bag.terms.has(term)).length
    return Math.log(1 + (bags.length - containing + 0.5) / (containing + 0.5))
  }
  return bags
    .map(({ label, terms, length }) => {
      const score = [...new Set(query)].reduce((sum, term) => {
        const count = terms.get(term) ?? 0
        return sum + (idf(term) * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length) / average))
      }, 0)
      return { label, score }
    })
    .filter(({ score }) => score > 0)
    .sort((left, right) => right.score - left.score || left.label - right.label)
}

describe('full-text index', () => {
  const text = fc.array(fc.constantFrom('weir', 'lock', 'dam', 'fish', 'gate'), { maxLength: 12 }).map((words) => words.join(' '))

  test('ranks by BM25 as defined, whatever was added, removed and written out in between', () => {
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 60 }),
        fc.array(fc.nat(59), { maxLength: 8 }),
        fc.subarray(['weir', 'lock', 'dam', 'none']),
        fc.integer({ min: 1, max: 20 }),
        (texts, gone, query, k) => {
          const documents = new Map(texts.entries())
          let index = new TextIndex()
          for (const [label, body] of documents) index.add(label, counts(body))
          for (const label of gone) {
            index.remove(label)
            documents.delete(label)
          }
          // Frequencies count removed chunks until they are swept; writing out sweeps.
          index = decodeText(encodeText(index))
          expect(index.count).toBe(documents.size)
          const expected = byDefinition(documents, query).slice(0, k)
          for (const _again of [1, 2]) {
            const found = index.search(query, k)
            expect(found.map(({ score }) => score.toFixed(9))).toEqual(expected.map(({ score }) => score.toFixed(9)))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('coverage is the share of the query by rarity', () => {
    const index = new TextIndex()
    index.add(0, counts('the weir'))
    index.add(1, counts('the lock'))
    index.add(2, counts('the dam'))
    const [first, second] = index.search(['the', 'weir'], 2)
    expect(first?.label).toBe(0)
    expect(first?.coverage).toBe(1)
    expect(second?.coverage).toBeLessThan(0.3)
    expect(index.search(['unknown', 'weir'], 1)[0]?.coverage).toBeLessThan(0.5)
  })

  test('reads what Postgres writes', () => {
    expect([...parseTsvector(`'fox':2,7 'it''s':3B 'back\\\\slash':1 'bare'`)]).toEqual([
      ['fox', 2],
      ["it's", 1],
      ['back\\slash', 1],
      ['bare', 1],
    ])
    expect(parseTsvector('').size).toBe(0)
  })
})
