import { beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { createFeedback } from '../../src/feedback/feedback.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { estimateAccuracy } from '../../src/monitors/estimated.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import { describeDatabases } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

const spam = { type: 'label' as const, labels: ['ham', 'spam'], positive: 'spam' }
const metrics: Metrics = { spam }
const hash = 'e'.repeat(64)
const hourMs = 3_600_000
const fromMs = Date.parse('2026-11-20T00:00:00Z')

describeDatabases('accuracy before anybody has labelled', (makeDatabase) => {
  let db: Database
  const random = seededRandom(20_261_128)
  beforeEach(async () => {
    db = (await makeDatabase()).db
  })

  /** A classifier whose chances are true: sure ones in `sure` of the answers, wavering ones in the others. */
  const serve = async (startMs: number, count: number, sure: number, labelled: boolean) => {
    const answers = Array.from({ length: count }, () => {
      const chance = random() < sure ? (random() < 0.5 ? 0.97 : 0.03) : 0.4 + 0.2 * random()
      return { id: uuidv7(), chance, truth: random() < chance ? 'spam' : 'ham' }
    })
    await insertTraces(
      db,
      answers.map(({ id, chance }) =>
        JSON.stringify(
          aTrace({
            ...{ id, startedAtMs: startMs + 1_000, variantHash: hash },
            payload: {
              input: { kind: 'chat', messages: [{ role: 'user', content: 'x' }] },
              output: [{ text: JSON.stringify({ scores: { spam: chance, ham: 1 - chance } }) }],
            },
          }),
        ),
      ),
    )
    if (labelled) {
      const feedback = createFeedback({ db, metrics: () => metrics, clock: () => startMs + hourMs })
      const items = answers.map(({ id, truth }) => ({ metric: 'spam', value: truth, inferenceId: id }))
      await feedback.add(items, { tenant: aTrace({}).tenant, keyId: null, many: true })
    }
    const right = answers.filter(({ chance, truth }) => (chance > 0.5 ? 'spam' : 'ham') === truth).length
    return right / count
  }
  const stretch = (startMs: number) => ({ route: aTrace({}).route, variantHash: hash, fromMs: startMs, toMs: startMs + hourMs })
  const estimate = () => estimateAccuracy(db, stretch(fromMs), stretch(fromMs + 2 * hourMs), { name: 'spam', ...spam })

  test('falls with how sure the answers are, as the labels that come later say', async () => {
    await serve(fromMs, 600, 0.9, true)
    const real = await serve(fromMs + 2 * hourMs, 600, 0.3, false)
    const found = await estimate()
    expect(found).toMatchObject({ metric: 'spam', labelled: 600, answers: 600, found: { outcome: 'estimated' } })
    if (found?.found.outcome !== 'estimated') throw new Error('not estimated')
    expect(found.found.reference.accuracy).toBeGreaterThan(0.88)
    expect(Math.abs(found.found.estimate.accuracy - real)).toBeLessThan(0.06)
    expect(found.found.estimate.accuracy).toBeLessThan(0.8)
  })

  test('says why it cannot be estimated, and nothing where answers give no chances', async () => {
    await serve(fromMs + 2 * hourMs, 100, 0.5, false)
    expect((await estimate())?.found).toMatchObject({ outcome: 'not-enough-data' })
    expect(await estimateAccuracy(db, stretch(fromMs), stretch(fromMs), { name: 'spam', ...spam })).toBeUndefined()
  })
})
