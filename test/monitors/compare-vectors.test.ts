import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { compareVectors } from '../../src/monitors/compare-vectors.ts'
import { mmd } from '../../src/monitors/detectors/mmd.ts'
import { gaussian } from './support.ts'

describe('embeddings compared in a thread', () => {
  const cloud = (n: number, dimensions: number, shift: number, seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: n }, () => Float32Array.from({ length: dimensions }, () => gaussian(random) + shift))
  }

  test('says what the detector says, and meanwhile the process does its other work', async () => {
    const [reference, window] = [cloud(600, 384, 0, 1), cloud(600, 384, 0.02, 2)]
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 5)
    const found = await compareVectors({ detector: 'mmd', reference, window, options: { seed: 3 } })
    clearInterval(timer)
    expect(found).toEqual(mmd.compare(reference, window, { seed: 3 }))
    expect(turns).toBeGreaterThan(10)
  })

  test('a refusal is the caller’s to see, as is a detector of something else', async () => {
    const ask = (detector: string, dimensions: number) =>
      compareVectors({ detector, reference: cloud(40, 4, 0, 1), window: cloud(40, dimensions, 0, 2), options: {} })
    await expect(ask('mmd', 5)).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('5 dimensions') })
    await expect(ask('ks', 4)).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(ask('nobody', 4)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
