import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'

export type Gauged = {
  effects: { route: string; variant: string; signal: string; effect: number; effectName: string }[]
  alerts: { route: string; variant: string; tag: string; n: number }[]
}

/** What the metrics show: the effects of each variant's newest window of the last two days, and how many alerts are live. */
export const readGauged = async (db: Database, nowMs: number): Promise<Gauged> => {
  const effects = await db.execute<Gauged['effects'][number]>(sql`
    select w.route, w.variant, f.signal, f.effect, f.effect_name as "effectName"
    from (
      select distinct on (route, variant) * from monitor_windows where at > ${new Date(nowMs - twoDaysMs).toISOString()}::timestamptz order by route, variant, from_at desc
    ) as w join monitor_findings f on f.window_id = w.id where f.effect is not null`)
  const alerts = await db.execute<Gauged['alerts'][number]>(sql`
    select route, variant, tag, count(*)::int as n from monitor_alerts where state <> 'resolved' group by 1, 2, 3`)
  return { effects: [...effects], alerts: [...alerts] }
}

const twoDaysMs = 2 * 86_400_000
