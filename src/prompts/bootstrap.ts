import { existsSync } from 'node:fs'
import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { prompts } from '../db/schema/prompts.ts'
import type { Clock } from '../lib/clock.ts'
import { promoteLabel } from './labels.ts'
import { syncPrompts } from './sync.ts'
import { readTreeFiles } from './tree.ts'

/**
 * On a first start, with no prompt in the database, takes in the prompts of a folder and labels them `production`, so that the default
 * route answers at once; the events say so. True when it did. Two starters at once do it once.
 */
export const bootstrapPrompts = async ({ db, folder, clock }: { db: Database; folder: string; clock: Clock }): Promise<boolean> => {
  if (!existsSync(folder)) return false
  return lockedTransaction(db, 'prompts.bootstrap', async (tx) => {
    const [known] = await tx.select({ name: prompts.name }).from(prompts).limit(1)
    const files = known ? [] : await readTreeFiles(folder)
    if (files.length === 0) return false
    const nowMs = clock()
    const said = { actor: 'startup', reason: 'first start' }
    const plan = await syncPrompts(tx, { files, dryRun: false, gitCommit: null, nowMs, ...said })
    for (const { name } of plan.changes) {
      const promotion = { name, label: 'production', version: 1, expectedVersion: null, override: true, nowMs, ...said }
      await promoteLabel(tx, async () => undefined, promotion)
    }
    return true
  })
}
