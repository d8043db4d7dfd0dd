import { and, desc, eq, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { monitorReplayOutputs, monitorReplays } from '../db/schema/monitors.ts'
import { uuidv7 } from '../lib/ids.ts'

/** One time that the golden set was asked. */
export type Replay = typeof monitorReplays.$inferSelect
export type ReplayOutput = Omit<typeof monitorReplayOutputs.$inferSelect, 'replayId'>

export type ReplayOf = { route: string; variant: string; variantHash: string; goldenHash: string }

/** Newest first; of one variant and set when they are named. */
export const listReplays = (
  db: Database,
  filter: { route: string; variantHash?: string | undefined; goldenHash?: string | undefined; limit: number },
): Promise<Replay[]> =>
  db
    .select()
    .from(monitorReplays)
    .where(
      and(
        eq(monitorReplays.route, filter.route),
        filter.variantHash === undefined ? undefined : eq(monitorReplays.variantHash, filter.variantHash),
        filter.goldenHash === undefined ? undefined : eq(monitorReplays.goldenHash, filter.goldenHash),
      ),
    )
    .orderBy(desc(monitorReplays.seq))
    .limit(filter.limit)

export const findBaseline = async (db: Database, { route, variantHash, goldenHash }: ReplayOf): Promise<Replay | undefined> => {
  const [row] = await db
    .select()
    .from(monitorReplays)
    .where(
      and(
        ...[eq(monitorReplays.route, route), eq(monitorReplays.variantHash, variantHash), eq(monitorReplays.goldenHash, goldenHash)],
        sql`${monitorReplays.baselineId} is null and ${monitorReplays.status} = 'completed'`,
      ),
    )
    .orderBy(monitorReplays.seq)
    .limit(1)
  return row
}

export const beginReplay = async (
  db: Database,
  of: ReplayOf,
  given: { baselineId: string | null; actor: string; reason: string; cases: number; nowMs: number },
): Promise<Replay> => {
  const { nowMs, ...rest } = given
  const [row] = await db
    .insert(monitorReplays)
    .values({ id: uuidv7(), ...of, ...rest, status: 'running', startedAtMs: nowMs })
    .returning()
  return row as Replay
}

export const finishReplay = async (db: Database, id: string, end: Partial<Replay>, outputs: readonly ReplayOutput[]): Promise<Replay> =>
  db.transaction(async (tx) => {
    if (outputs.length > 0) await tx.insert(monitorReplayOutputs).values(outputs.map((one) => ({ replayId: id, ...one })))
    const [row] = await tx.update(monitorReplays).set(end).where(eq(monitorReplays.id, id)).returning()
    return row as Replay
  })

export const replayOutputs = async (db: Database, id: string): Promise<ReplayOutput[]> => {
  const rows = await db.select().from(monitorReplayOutputs).where(eq(monitorReplayOutputs.replayId, id))
  return rows.map(({ caseId, output, similarity }) => ({ caseId, output, similarity }))
}

/** Models that hosts named in live answers of a variant since a time. */
export const liveModels = async (db: Database, route: string, variantHash: string, fromMs: number): Promise<string[]> => {
  const rows = await db.execute<{ value: string }>(sql`
    select distinct value from monitor_counts where route = ${route} and variant_hash = ${variantHash} and signal = 'upstream_model'
      and minute >= date_trunc('minute', ${new Date(fromMs).toISOString()}::timestamptz)`)
  return rows.map(({ value }) => value)
}
