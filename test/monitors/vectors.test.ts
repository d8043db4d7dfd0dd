import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { domainClassifier, mostShifted } from '../../src/monitors/detectors/domain-classifier.ts'
import { mmd, squaredDiscrepancy } from '../../src/monitors/detectors/mmd.ts'
import { rowsOf, squaredDistances, subsample } from '../../src/monitors/vectors.ts'
import { folded, whitened } from '../../src/monitors/whitening.ts'
import { gaussian, series } from './support.ts'

const points = (...rows: number[][]) => rows.map((row) => Float32Array.from(row))
const unit = (vector: Float32Array) => {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

/** Unit vectors around topics of 64 dimensions; topic 4 is the new one. */
const topicsOf = (seed: number) => {
  const random = seededRandom(seed)
  const direction = () => unit(Float32Array.from({ length: 64 }, () => gaussian(random)))
  const centres = series(5, direction)
  const around = (topic: number) => {
    const noise = direction()
    return unit((centres[topic] as Float32Array).map((value, place) => value + (noise[place] as number)))
  }
  return (size: number, isNew: (index: number) => boolean = () => false) =>
    series(size, (index) => around(isNew(index) ? 4 : Math.floor(random() * 4)))
}

describe('maximum mean discrepancy', () => {
  test('of four points against three', () => {
    const square = points([0, 0], [1, 0], [0, 1], [1, 1])
    const corner = points([1, 2], [2, 1], [2, 2])
    expect(squaredDiscrepancy(square, corner, 1)).toBeCloseTo(0.5649562, 6)
    expect(squaredDiscrepancy(square, corner, 2)).toBeCloseTo(0.391966, 6)
    expect(squaredDiscrepancy(corner, square, 1)).toBeCloseTo(0.5649562, 6)
  })

  test('does not change with the order of the vectors, nor with their length', () => {
    const draw = topicsOf(3)
    const [reference, window] = [draw(100), draw(60, (index) => index % 3 === 0)]
    const found = mmd.compare(reference, window)
    const turned = mmd.compare([...reference].reverse(), [...window].reverse())
    const longer = mmd.compare(
      reference.map((vector) => vector.map((value) => value * 8)),
      window.map((vector) => vector.map((value) => value * 8)),
    )
    if (found.outcome !== 'compared' || turned.outcome !== 'compared' || longer.outcome !== 'compared') throw new Error('no comparison')
    expect(turned.statistic).toBeCloseTo(found.statistic, 6)
    expect(longer.statistic).toBeCloseTo(found.statistic, 6)
  })

  test('looks at a thousand of a side', () => {
    const draw = topicsOf(4)
    const start = performance.now()
    expect(mmd.compare(draw(5000), draw(40))).toMatchObject({ outcome: 'compared' })
    expect(performance.now() - start).toBeLessThan(5000)
  })
})

test.each([1, 3, 4, 7, 10])('distances of %d vectors are those computed one by one', (size) => {
  const random = seededRandom(size)
  const vectors = series(size, () => Float32Array.from({ length: 5 }, () => gaussian(random)))
  const found = squaredDistances(rowsOf(vectors))
  const expected = vectors.flatMap((one) =>
    vectors.map((two) => one.reduce((sum, value, place) => sum + (value - (two[place] ?? 0)) ** 2, 0)),
  )
  expect(found).toHaveLength(expected.length)
  expected.forEach((distance, place) => {
    expect(found[place]).toBeCloseTo(distance, 4)
  })
})

test('a subsample repeats nothing, keeps the order, and covers all places over seeds', () => {
  const seen = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const places = subsample(50, 10, seed)
    expect(places).toEqual([...new Set(places)].sort((left, right) => left - right))
    for (const place of places) seen.add(place)
  }
  expect(seen.size).toBe(50)
  expect(subsample(3, 10, 1)).toEqual([0, 1, 2])
})

describe('whitening', () => {
  /** Variances along the axes of 1, 4, 9 and so on. */
  const stretched = (size: number, dimensions: number) => {
    const random = seededRandom(12)
    return series(size, () => Float32Array.from({ length: dimensions }, (_, place) => (place + 1) * gaussian(random) + 100))
  }

  test('takes out the mean, and a variance v becomes v / (v + penalty)', () => {
    const { values, size, dimensions } = whitened(rowsOf(stretched(2000, 6)))
    const variances = series(
      dimensions,
      (place) => series(size, (row) => (values[row * dimensions + place] ?? 0) ** 2).reduce((a, b) => a + b) / size,
    )
    const means = series(dimensions, (place) => series(size, (row) => values[row * dimensions + place] ?? 0).reduce((a, b) => a + b) / size)
    const penalty = (91 / 6) * (1 + Math.sqrt(6 / 2000)) ** 2
    const ratio = 36 / (36 + penalty) / (1 / (1 + penalty))
    expect(Math.abs(Math.max(...variances) / Math.min(...variances) / ratio - 1)).toBeLessThan(0.1)
    expect(Math.max(...means.map(Math.abs))).toBeLessThan(1e-3 * Math.sqrt(Math.max(...variances)))
  })

  test('turns equal vectors into zeros', () =>
    expect(whitened(rowsOf(points([1, 2], [1, 2]))).values.every((value) => value === 0)).toBe(true))

  test('of folded vectors: lengths stay about the same, and short ones are left alone', () => {
    const random = seededRandom(13)
    const rows = rowsOf(series(10, () => Float32Array.from({ length: 4000 }, () => gaussian(random))))
    const short = folded(rows, 512, 1)
    expect(short).toMatchObject({ size: 10, dimensions: 512 })
    const length = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0)
    expect(length(short.values) / length(rows.values)).toBeCloseTo(1, 1)
    expect(folded(rows, 4000, 1)).toBe(rows)
  })

  test('lets MMD see a new topic of a tenth in a hundred that the common ones drown', () => {
    let found = 0
    for (let seed = 20; seed < 30; seed++) {
      const draw = topicsOf(seed)
      const finding = mmd.compare(
        draw(300),
        draw(100, (index) => index % 10 === 0),
      )
      found += finding.outcome === 'compared' && finding.drifted ? 1 : 0
    }
    expect(found).toBeGreaterThanOrEqual(8)
  })
})

describe('domain classifier', () => {
  test('names the examples of a new topic first', () => {
    const draw = topicsOf(5)
    const isNew = (index: number) => index % 3 === 0
    const [reference, window] = [draw(400), draw(100, isNew)]
    expect(domainClassifier.compare(reference, window)).toMatchObject({ drifted: true })
    const ranked = mostShifted(reference, window)
    expect(ranked.map(({ index }) => index).sort((left, right) => left - right)).toEqual(series(100, Number))
    expect(ranked.slice(0, 34).filter(({ index }) => isNew(index)).length).toBeGreaterThanOrEqual(27)
    expect(ranked[0]?.share).toBeGreaterThan(0.9)
  })

  test('has an area near one of sides that are far apart', () => {
    const random = seededRandom(6)
    const side = (shift: number) => series(60, () => Float32Array.from({ length: 4 }, () => gaussian(random) + shift))
    const found = domainClassifier.compare(side(0), side(6))
    expect(found).toMatchObject({ outcome: 'compared', statistic: expect.closeTo(1, 2), drifted: true })
  })

  test('explains nothing out of nothing', () => expect(mostShifted([], [])).toEqual([]))
})
