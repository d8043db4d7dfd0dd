import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import { lockedTransaction } from '../../db/advisory-lock.ts'
import { appendAuditEvent } from '../../db/audit.ts'
import type { Database } from '../../db/database.ts'
import { datasetItems, datasets } from '../../db/schema/datasets.ts'
import { AppError } from '../../lib/errors.ts'
import { hashOf } from '../../lib/hash.ts'
import { isUuid, uuidv7 } from '../../lib/ids.ts'
import { storableJson } from '../../lib/storable-json.ts'
import type { Drawn, DrawnItem } from './draw.ts'
import type { AssistantMessage } from './message.ts'

export type Dataset = typeof datasets.$inferSelect
export type ItemStatus = 'pending' | Review['verdict']
export const itemStatuses = ['pending', 'approved', 'corrected', 'rejected'] as const satisfies readonly ItemStatus[]

export type Review = {
  verdict: 'approved' | 'corrected' | 'rejected'
  correction: AssistantMessage | null
  actor: string
  reason: string
  atMs: number
}

export type DatasetItem = DrawnItem & { id: string; position: number; status: ItemStatus; review: Review | null }

export type By = { actor: string; reason: string; nowMs: number }

/** Stores what was drawn as the next version of the name: all of it, or nothing. */
export const insertDataset = (db: Database, name: string, source: Dataset['source'], drawn: Drawn, by: By): Promise<Dataset> =>
  lockedTransaction(db, `dataset/${name}`, async (tx) => {
    const dataset: Dataset = {
      id: uuidv7(),
      name,
      version: await nextVersion(tx, name),
      source,
      redactions: drawn.redactions,
      items: drawn.items.length,
      createdBy: by.actor,
      reason: by.reason,
      createdAtMs: by.nowMs,
    }
    await tx.insert(datasets).values(dataset)
    const rows = drawn.items.map((item, position) => ({ ...item, id: uuidv7(), datasetId: dataset.id, position }))
    for (let at = 0; at < rows.length; at += batch) {
      const part = rows.slice(at, at + batch)
      await tx.insert(datasetItems).values(JSON.parse(storableJson(JSON.stringify(part))) as typeof part)
    }
    await appendAuditEvent(tx, {
      atMs: by.nowMs,
      actor: by.actor,
      action: 'dataset.create',
      target: `dataset/${name}`,
      afterHash: hashOf(rows.map(({ traceId, messages, answer, demonstration }) => ({ traceId, messages, answer, demonstration }))),
      reason: by.reason,
    })
    return dataset
  })

const batch = 200

/** The number of a deleted version is not given again: a suite may name it. */
const nextVersion = async (tx: Database, name: string): Promise<number> => {
  const [row] = await tx.execute<{ last: number }>(sql`
    select greatest(
      (select coalesce(max(version), 0) from datasets where name = ${name}),
      (select count(*) from audit_events where action = 'dataset.create' and target = ${`dataset/${name}`})
    )::int as last`)
  return (row?.last ?? 0) + 1
}
const newestFirst = desc(datasets.version)

/** The version named, else the newest. Throws `not_found`. */
export const findDataset = async (db: Database, name: string, version?: number): Promise<Dataset> => {
  const [row] = await db
    .select()
    .from(datasets)
    .where(and(eq(datasets.name, name), version === undefined ? undefined : eq(datasets.version, version)))
    .orderBy(newestFirst)
    .limit(1)
  if (row === undefined)
    throw new AppError('not_found', `there is no dataset '${name}'${version === undefined ? '' : ` of version ${version}`}`)
  return row
}

/** Removes a version with its items and reviews; what remains is that somebody did. */
export const deleteDataset = (db: Database, dataset: Dataset, by: By): Promise<void> =>
  db.transaction(async (tx) => {
    await tx.delete(datasets).where(eq(datasets.id, dataset.id))
    await appendAuditEvent(tx, {
      atMs: by.nowMs,
      actor: by.actor,
      action: 'dataset.delete',
      target: `dataset/${dataset.name}`,
      beforeHash: hashOf({ id: dataset.id, version: dataset.version, items: dataset.items }),
      reason: by.reason,
    })
  })

/** The newest version of each name, by name. */
export const listDatasets = (db: Database): Promise<Dataset[]> =>
  db.selectDistinctOn([datasets.name]).from(datasets).orderBy(asc(datasets.name), newestFirst)

export const versionsOf = (db: Database, name: string): Promise<Dataset[]> =>
  db.select().from(datasets).where(eq(datasets.name, name)).orderBy(newestFirst)

export type ItemFilter = { statuses?: readonly ItemStatus[] | undefined; limit?: number | undefined; afterPosition?: number | undefined }

/** Items in the order they were drawn, each with the newest of its reviews. */
export const listItems = (db: Database, datasetId: string, { statuses, limit, afterPosition }: ItemFilter = {}): Promise<DatasetItem[]> =>
  selectItems(
    db,
    [
      sql`i.dataset_id = ${datasetId}`,
      ...(afterPosition === undefined ? [] : [sql`i.position > ${afterPosition}`]),
      ...(statuses === undefined ? [] : [sql`coalesce(r.verdict, 'pending') in ${[...statuses]}`]),
    ],
    limit,
  )

/** Throws `not_found` for an item of another dataset too. */
export const findItem = async (db: Database, datasetId: string, id: string): Promise<DatasetItem> => {
  const [item] = isUuid(id) ? await selectItems(db, [sql`i.dataset_id = ${datasetId}`, sql`i.id = ${id}`], 1) : []
  if (item === undefined) throw new AppError('not_found', `the dataset has no item ${id}`)
  return item
}

type ItemRow = {
  id: string
  position: number
  trace_id: string
  tenant: string
  route: string
  variant: string | null
  variant_hash: string | null
  messages: DatasetItem['messages']
  said: DatasetItem['said']
  tools: DatasetItem['tools']
  answer: AssistantMessage | null
  demonstration: AssistantMessage | null
  verdict: Review['verdict'] | null
  correction: AssistantMessage | null
  actor: string
  reason: string
  at_ms: number
}

const selectItems = async (db: Database, conditions: SQL[], limit: number | undefined): Promise<DatasetItem[]> => {
  const rows = await db.execute<ItemRow>(sql`
    select i.*, r.verdict, r.correction, r.actor, r.reason, (extract(epoch from r.at) * 1000)::double precision as at_ms
    from dataset_items i left join lateral (
      select * from dataset_reviews where item_id = i.id order by seq desc limit 1
    ) r on true
    where ${sql.join(conditions, sql` and `)} order by i.position ${limit === undefined ? sql`` : sql`limit ${limit}`}`)
  return rows.map((row) => ({
    id: row.id,
    position: row.position,
    traceId: row.trace_id,
    tenant: row.tenant,
    route: row.route,
    variant: row.variant,
    variantHash: row.variant_hash,
    messages: row.messages,
    said: row.said,
    tools: row.tools,
    answer: row.answer,
    demonstration: row.demonstration,
    status: row.verdict ?? 'pending',
    review:
      row.verdict === null
        ? null
        : { verdict: row.verdict, correction: row.correction, actor: row.actor, reason: row.reason, atMs: Math.round(row.at_ms) },
  }))
}

/** How many items of each dataset are where. */
export const countItems = async (db: Database, datasetIds: readonly string[]): Promise<Map<string, Record<ItemStatus, number>>> => {
  const counts = new Map(datasetIds.map((id) => [id, { pending: 0, approved: 0, corrected: 0, rejected: 0 }]))
  if (datasetIds.length === 0) return counts
  const rows = await db.execute<{ dataset_id: string; status: ItemStatus; count: number }>(sql`
    select dataset_id, coalesce(r.verdict, 'pending') as status, count(*)::int as count
    from dataset_items i left join lateral (
      select verdict from dataset_reviews where item_id = i.id order by seq desc limit 1
    ) r on true
    where dataset_id in ${[...datasetIds]} group by 1, 2`)
  for (const { dataset_id, status, count } of rows) Object.assign(counts.get(dataset_id) ?? {}, { [status]: count })
  return counts
}
