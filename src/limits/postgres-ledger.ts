import { eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { allowances } from '../db/schema/allowances.ts'
import type { Clock } from '../lib/clock.ts'
import type { Ledger } from './ledger.ts'
import { startOf, type Taken, take } from './window.ts'

/** Counts in a table that all replicas share: a row for each subject, locked while it is decided over. */
export const postgresLedger = ({ db, clock }: { db: Database; clock: Clock }): Ledger => ({
  take: (subject, ask) =>
    db.transaction(async (tx) => {
      const blank: Taken = { startMs: startOf(ask.window, clock()), used: 0, before: 0, warned: false }
      await tx
        .insert(allowances)
        .values({ subject, ...blank })
        .onConflictDoNothing()
      const [known] = await tx.select(columns).from(allowances).where(eq(allowances.subject, subject)).for('update')
      const grant = take(known, ask, clock())
      await tx.update(allowances).set(grant.taken).where(eq(allowances.subject, subject))
      return grant
    }),
})

const columns = { startMs: allowances.startMs, used: allowances.used, before: allowances.before, warned: allowances.warned }
