import { getTableColumns, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { traces } from '../db/schema/serve.ts'

/**
 * Inserts traces given as JSON objects, metadata and payload in one statement. One that is there already is left as it is, so a batch
 * may be repeated after any doubt.
 */
export const insertTraces = async (db: Database, records: string[]): Promise<void> => {
  await db.execute(sql`
    with batch as (select * from jsonb_to_recordset(${`[${records.join(',')}]`}::jsonb) as record (${fields}, "payload" jsonb)),
    inserted as (insert into traces (${columns}) select ${values} from batch on conflict (id) do nothing)
    insert into trace_payloads (id, started_at, payload)
    select id, ${startedAt}, payload from batch where payload is not null and payload <> 'null'::jsonb
    on conflict (id) do nothing`)
}

const all = Object.entries(getTableColumns(traces))
const startedAt = sql.raw(`to_timestamp("startedAtMs" / 1000)`)
const columns = sql.raw(all.map(([, column]) => `"${column.name}"`).join(', '))
const fields = sql.raw(
  all.map(([key, column]) => `"${key}" ${key === 'startedAtMs' ? 'double precision' : column.getSQLType()}`).join(', '),
)
const values = sql.join(
  all.map(([key]) => (key === 'startedAtMs' ? startedAt : sql.raw(key === 'purpose' ? `coalesce("purpose", 'live')` : `"${key}"`))),
  sql.raw(', '),
)
