import { sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import type { IndexRow } from '../../db/schema/retrieval.ts'
import { AppError } from '../../lib/errors.ts'
import { changesAfter, entriesAfter, logBounds } from '../store/change-log.ts'
import type { FollowingVectors } from './live-index.ts'
import { unitVector } from './unit-vector.ts'
import type { Neighbour, VectorEntry, VectorIndex } from './vector-index.ts'
import { bytesToVector } from './wire.ts'

/**
 * Vectors inside Postgres, shared by every replica and replicated with it. One table per index, because an HNSW index of pgvector wants one dimension
 * and searches before it filters. Iterative scans (pgvector 0.8) keep the promise of `k`.
 */
export const createPgvectorIndex = async (db: Database, name: string, dimensions: number): Promise<VectorIndex> => {
  const table = tableOf(name)
  await prepareTable(db, table, dimensions)
  return vectorsIn(db, table, dimensions)
}

/** As above, and it follows the log of `row`; its place in the log lies beside the vectors, so replicas share the work. */
export const pgvectorIndex = (db: Database, row: IndexRow): FollowingVectors => {
  const table = tableOf(row.id)
  let prepared: Promise<void> | undefined
  const ready = () => {
    prepared ??= prepareTable(db, table, row.dimensions)
    prepared.catch(() => {
      prepared = undefined
    })
    return prepared
  }
  return {
    vectors: vectorsIn(db, table, row.dimensions),
    async follow() {
      await ready()
      while (await followPage(db, table, row)) {
        // Page after page, each in a transaction of its own.
      }
    },
    async drop() {
      await db.execute(sql`drop table if exists ${table}`)
    },
  }
}

/** Whether the server can have the extension, in a version that scans on until `k` were found. */
export const hasPgvector = async (db: Database): Promise<boolean> => {
  const [row] = await db.execute<{ version: string }>(
    sql`select default_version as version from pg_available_extensions where name = 'vector'`,
  )
  const [major = 0, minor = 0] = (row?.version ?? '').split('.').map(Number)
  return major > 0 || minor >= 8
}

const pageSize = 500

/** hnswlib's defaults, so that the two graphs compare. pgvector indexes up to 2,000 dimensions; beyond that it still searches, exactly. */
const prepareTable = async (db: Database, table: Table, dimensions: number): Promise<void> => {
  if (!(await hasPgvector(db)))
    throw new AppError('unavailable', 'this Postgres has no pgvector 0.8 or later: install it, or configure `index: hnsw`')
  await db.execute(sql`create extension if not exists vector`)
  await db.execute(
    sql`create table if not exists ${table} (label integer primary key, embedding vector(${sql.raw(String(dimensions))}) not null)`,
  )
  await db.execute(sql`create table if not exists retrieval_vectors_position (name text primary key, seq bigint not null)`)
  if (dimensions <= 2000)
    await db.execute(
      sql`create index if not exists ${sql.identifier(`${table.value}_hnsw`)} on ${table} using hnsw (embedding vector_ip_ops) with (m = 16, ef_construction = 64)`,
    )
}

type Table = ReturnType<typeof sql.identifier>

const tableOf = (name: string): Table => sql.identifier(`retrieval_vectors_${name.toLowerCase()}`)

const vectorsIn = (db: Database, table: Table, dimensions: number): VectorIndex => {
  const found = (rows: { label: number; score: string | number }[]): Neighbour[] =>
    rows.map(({ label, score }) => ({ label, score: Number(score) }))
  const literal = (vector: Float32Array) => sql`${`[${unitVector(vector, dimensions).join(',')}]`}::vector`
  return {
    dimensions,
    add: (entries) => insert(db, table, dimensions, entries),
    async remove(labels) {
      await db.execute(
        sql`delete from ${table} where label in (select jsonb_array_elements_text(${JSON.stringify(labels)}::jsonb)::integer)`,
      )
    },
    async search(vector, k) {
      const query = literal(vector)
      // Far more than ef_search can promise: compare with all instead.
      if (k > 500)
        return found(
          await db.execute(sql`select label, -(embedding <#> ${query}) as score from ${table} order by score desc, label limit ${k}`),
        )
      return db.transaction(async (tx) => {
        await tx.execute(
          sql`select set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', ${String(Math.max(100, 2 * k))}, true)`,
        )
        return found(
          await tx.execute(sql`select label, -(embedding <#> ${query}) as score from ${table} order by embedding <#> ${query} limit ${k}`),
        )
      })
    },
    async searchAmong(vector, k, labels) {
      const among = sql`select jsonb_array_elements_text(${JSON.stringify(labels)}::jsonb)::integer as label`
      const query = literal(vector)
      // Materialised first, so that the planner does not walk the graph and drop what is not named.
      return found(
        await db.execute(sql`
          with named as materialized (select t.label, t.embedding from ${table} t join (${among}) a on a.label = t.label)
          select label, -(embedding <#> ${query}) as score from named order by score desc, label limit ${k}`),
      )
    },
    async count() {
      const [row] = await db.execute<{ count: string }>(sql`select count(*) as count from ${table}`)
      return Number(row?.count ?? 0)
    },
    close: async () => undefined,
  }
}

const insert = async (db: Database, table: Table, dimensions: number, entries: VectorEntry[]): Promise<void> => {
  for (let at = 0; at < entries.length; at += pageSize) {
    const rows = entries
      .slice(at, at + pageSize)
      .map(({ label, vector }) => sql`(${label}::integer, ${`[${unitVector(vector, dimensions).join(',')}]`}::vector)`)
    await db.execute(sql`insert into ${table} (label, embedding) values ${sql.join(rows, sql`, `)} on conflict do nothing`)
  }
}

/** True when there may be more. A gap in the log, or the first time: everything from the rows. */
const followPage = (db: Database, table: Table, row: IndexRow): Promise<boolean> =>
  db.transaction(async (tx) => {
    await tx.execute(sql`insert into retrieval_vectors_position (name, seq) values (${row.id}, 0) on conflict do nothing`)
    const [place] = await tx.execute<{ seq: string }>(sql`select seq from retrieval_vectors_position where name = ${row.id} for update`)
    const seq = Number(place?.seq ?? 0)
    const bounds = await logBounds(tx, row.id)
    if (bounds === undefined || seq >= bounds.last) return false
    if (bounds.first > seq + 1) return refill(tx, table, row, bounds.last)
    const changes = await changesAfter(tx, row.id, seq, pageSize)
    const added = changes.flatMap(({ op, label, vector }) =>
      op === 'add' && vector !== null ? [{ label, vector: bytesToVector(vector) }] : [],
    )
    if (added.length > 0) await insert(tx, table, row.dimensions, added)
    await vectorsIn(tx, table, row.dimensions).remove(changes.filter(({ op }) => op === 'remove').map(({ label }) => label))
    await tx.execute(sql`update retrieval_vectors_position set seq = ${changes.at(-1)?.seq ?? seq} where name = ${row.id}`)
    return changes.length === pageSize
  })

const refill = async (tx: Database, table: Table, row: IndexRow, last: number): Promise<boolean> => {
  await tx.execute(sql`delete from ${table}`)
  for (let label = -1; ; ) {
    const rows = await entriesAfter(tx, row.id, label, pageSize)
    await insert(
      tx,
      table,
      row.dimensions,
      rows.map((entry) => ({ label: entry.label, vector: bytesToVector(entry.vector) })),
    )
    label = rows.at(-1)?.label ?? label
    if (rows.length < pageSize) break
  }
  await tx.execute(sql`update retrieval_vectors_position set seq = ${last} where name = ${row.id}`)
  return false
}
