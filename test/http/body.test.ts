import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson } from '../../src/http/body.ts'

const read = (text: string, maxBytes = 4 * 1024 * 1024) => readJson(new Request('http://weir/', { method: 'POST', body: text }), maxBytes)
/** Long enough to be looked at for bombs. */
const padded = (value: unknown) => JSON.stringify({ padding: 'x'.repeat(5_000), value })

test('what JSON says is what is read, whatever quotes, backslashes and brackets its texts hold', async () => {
  const texts = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ']', '}', ',', 'a', '\u0000', '🌊'), maxLength: 200 })
  const values = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fc.array(texts), fc.dictionary(texts, texts))
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      const text = padded(value)
      expect(await read(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 300, seed: 20_261_128 },
  )
})

test('the bounds are exact', async () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`.padEnd(5_000)
  await expect(read(nested(2_000))).resolves.toBeDefined()
  await expect(read(nested(2_001))).rejects.toThrow('nested more than 2000 levels')
  const list = (values: number) => `[${Array(values).fill('0').join(',')}]`
  await expect(read(list(100_000))).resolves.toHaveLength(100_000)
  await expect(read(list(104_858), 4 * 1024 * 1024)).rejects.toThrow('more than 104857 values')
  await expect(read(list(150_000), 64 * 1024 * 1024)).resolves.toHaveLength(150_000)
})
