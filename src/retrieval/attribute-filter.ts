import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { type IndexRow, retrievalChunk, retrievalDocument, retrievalEntry } from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import type { LabelFilter } from './index/filtered.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const comparison = z.union([
  z.strictObject({ type: z.enum(['eq', 'ne']), key: z.string(), value: scalar }),
  z.strictObject({ type: z.enum(['gt', 'gte', 'lt', 'lte']), key: z.string(), value: z.number() }),
  z.strictObject({ type: z.enum(['in', 'nin']), key: z.string(), value: z.array(scalar) }),
])
type Comparison = z.infer<typeof comparison>

/** A condition on document attributes, as OpenAI's vector store search writes it. */
export type AttributeFilter = Comparison | { type: 'and' | 'or'; filters: AttributeFilter[] }

export const attributeFilter: z.ZodType<AttributeFilter> = z.lazy(() =>
  z.union([comparison, z.strictObject({ type: z.enum(['and', 'or']), filters: z.array(attributeFilter).max(50) })]),
)

/** The condition in SQL. `ne` and `nin` hold for documents without the attribute; order comparisons hold for numbers only. */
export const filterSql = (filter: AttributeFilter, depth = 0): SQL => {
  if (depth > 8) throw new AppError('invalid_request', 'filters nest deeper than 8', { param: 'filters' })
  const { attributes } = retrievalDocument
  switch (filter.type) {
    case 'eq':
      return has(filter.key, filter.value)
    case 'ne':
      return sql`not ${has(filter.key, filter.value)}`
    case 'in':
      return anyOf(filter.value.map((value) => has(filter.key, value)))
    case 'nin':
      return sql`not ${anyOf(filter.value.map((value) => has(filter.key, value)))}`
    case 'and':
      return and(...filter.filters.map((inner) => filterSql(inner, depth + 1))) ?? sql`true`
    case 'or':
      return anyOf(filter.filters.map((inner) => filterSql(inner, depth + 1)))
    default: {
      const operator = sql.raw({ gt: '>', gte: '>=', lt: '<', lte: '<=' }[filter.type])
      const value = sql`${attributes} -> ${filter.key}::text`
      return sql`case when jsonb_typeof(${value}) = 'number' then (${value})::text::numeric ${operator} ${filter.value}::numeric else false end`
    }
  }
}

/** The condition as an index's search asks for it. */
export const labelFilter = (db: Database, row: IndexRow, filter: AttributeFilter): LabelFilter => {
  const matching = (condition: SQL | undefined, limit: number) =>
    db
      .select({ label: retrievalEntry.label })
      .from(retrievalEntry)
      .innerJoin(retrievalChunk, eq(retrievalChunk.id, retrievalEntry.chunkId))
      .innerJoin(retrievalDocument, eq(retrievalDocument.id, retrievalChunk.documentId))
      .where(and(eq(retrievalEntry.indexId, row.id), filterSql(filter), condition))
      .limit(limit)
  // Both halves of a search ask for the same.
  const asked = new Map<number, Promise<number[]>>()
  return {
    labels(limit) {
      const answer = asked.get(limit) ?? matching(undefined, limit).then((rows) => rows.map(({ label }) => label))
      asked.set(limit, answer)
      return answer
    },
    keep: async (labels) => {
      if (labels.length === 0) return new Set()
      return new Set((await matching(inArray(retrievalEntry.label, labels), labels.length)).map(({ label }) => label))
    },
  }
}

const has = (key: string, value: string | number | boolean): SQL =>
  sql`(${retrievalDocument.attributes} @> ${JSON.stringify({ [key]: value })}::jsonb)`

const anyOf = (conditions: SQL[]): SQL => (conditions.length === 0 ? sql`false` : sql`(${sql.join(conditions, sql` or `)})`)
