import { and, desc, eq } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { modelObservations } from '../db/schema/models.ts'
import type { Clock } from '../lib/clock.ts'
import { uuidv7 } from '../lib/ids.ts'

/** A host answered to `requested` as `echoed`: hosts move names to other models without a word. */
export type Observation = { provider: string; requested: string; echoed: string }
export type ObservedChange = Observation & { from: string | null; atMs: number }

/**
 * Remembers which model each host answers with, and records a row when that changes. `observe` is for the request path: it compares in
 * memory and returns; what changed is written in the background and told through `onChange`.
 */
export const createObserver = (options: {
  db: Database
  clock: Clock
  onChange: (change: ObservedChange) => void
  onError: (error: unknown) => void
}): { observe: (observation: Observation) => void; settled: () => Promise<void> } => {
  const seen = new Map<string, string>()
  let writing: Promise<void> = Promise.resolve()
  return {
    observe(observation) {
      const key = `${observation.provider}\n${observation.requested}`
      if (seen.get(key) === observation.echoed) return
      seen.set(key, observation.echoed)
      writing = writing
        .then(async () => {
          const change = await recordObservation(options.db, observation, options.clock())
          if (change) options.onChange(change)
        })
        .catch((error: unknown) => {
          if (seen.get(key) === observation.echoed) seen.delete(key) // the next request tries again
          options.onError(error)
        })
    },
    settled: () => writing,
  }
}

/** Writes a row when it differs from the last one; undefined when it does not. Two replicas that see the same change write it once. */
export const recordObservation = (db: Database, observation: Observation, nowMs: number): Promise<ObservedChange | undefined> =>
  lockedTransaction(db, 'models.observe', async (tx) => {
    const [last] = await observationHistory(tx, observation, 1)
    if (last?.echoed === observation.echoed) return undefined
    await tx.insert(modelObservations).values({ id: uuidv7(), ...observation, atMs: nowMs })
    return { ...observation, from: last?.echoed ?? null, atMs: nowMs }
  })

/** Newest first. */
export const observationHistory = (db: Database, { provider, requested }: Omit<Observation, 'echoed'>, limit = 100) =>
  db
    .select()
    .from(modelObservations)
    .where(and(eq(modelObservations.provider, provider), eq(modelObservations.requested, requested)))
    .orderBy(desc(modelObservations.seq))
    .limit(limit)
