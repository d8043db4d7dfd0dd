import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { getTableColumns, getTableName, is, sql } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

const directory = resolve(import.meta.dirname, '../../src/db/schema')
const topics = await Promise.all(
  readdirSync(directory)
    .filter((file) => file.endsWith('.ts'))
    .map(async (file) => [file, await import(/* @vite-ignore */ join(directory, file))] as const),
)

type Column = { name: string; type: string; nullable: boolean }

describeDatabases('schema', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })

  const migrated = async (table: string): Promise<Column[]> => {
    const rows = await handle.db.execute<Column>(sql`
      select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable
      from pg_attribute where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`)
    return rows.toSorted(byName)
  }

  for (const [file, topic] of topics) {
    describe(`declared in ${file}`, () => {
      const tables = Object.values(topic as object).filter((value): value is PgTable => is(value, PgTable))
      test.each(tables.map((table) => [getTableName(table), table] as const))(
        '%s has exactly the migrated columns',
        async (name, table) => {
          const declared = Object.values(getTableColumns(table))
            .map((column): Column => ({ name: column.name, type: migratedType(column.getSQLType()), nullable: !column.notNull }))
            .toSorted(byName)
          expect(declared).toEqual(await migrated(name))
        },
      )
    })
  }
})

const byName = (left: Column, right: Column) => (left.name < right.name ? -1 : 1)

/** Postgres' own spelling of the types that drizzle shortens. */
const migratedType = (type: string): string => {
  const spelled: { [key: string]: string } = { serial: 'integer', bigserial: 'bigint', timestamp: 'timestamp without time zone' }
  const [, base = type, array = ''] = type.match(/^(.*?)((?:\[\d*\])*)$/) ?? []
  return `${spelled[base] ?? base.replace(/^varchar/, 'character varying').replace(/^char\b/, 'character')}${array.replaceAll(/\d/g, '')}`
}
