import type { Sql } from 'postgres'
import type { Pglite, Rows } from './pglite.ts'

/**
 * PGlite behind the few functions of postgres.js that drizzle calls (`unsafe`, `begin`, `savepoint`), so that one drizzle driver, one
 * `Database` type and one shape of results serve both.
 */
export const pgliteSql = (pglite: Pglite): Sql => {
  const sql: DrizzleClient = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text, parameters = []) => new Query((rowMode) => pglite.query(text, parameters, rowMode)),
    begin: (work) => pglite.exclusive(() => transaction(pglite, 'begin', 'commit', 'rollback', (inner) => work(inner))),
    savepoint: () => Promise.reject(new Error('a savepoint needs a transaction')),
  }
  return sql as unknown as Sql
}

type DrizzleClient = {
  options: { parsers: object; serializers: object }
  unsafe(text: string, parameters?: unknown[]): Query
  begin<T>(work: (client: DrizzleClient) => Promise<T>): Promise<T>
  savepoint<T>(work: (client: DrizzleClient) => Promise<T>): Promise<T>
}

const transaction = async <T>(
  pglite: Pglite,
  open: string,
  commit: string,
  undo: string,
  work: (client: DrizzleClient) => Promise<T>,
  depth = 1,
): Promise<T> => {
  const run = (text: string) => pglite.queryInTurn(text, [], 'object')
  const inner: DrizzleClient = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text, parameters = []) => new Query((rowMode) => pglite.queryInTurn(text, parameters, rowMode)),
    begin: () => Promise.reject(new Error('a transaction is open already')),
    savepoint: (nested) =>
      transaction(pglite, `savepoint s${depth}`, `release savepoint s${depth}`, `rollback to savepoint s${depth}`, nested, depth + 1),
  }
  await run(open)
  try {
    const value = await work(inner)
    await run(commit)
    return value
  } catch (error) {
    await run(undo).catch(() => {})
    throw error
  }
}

/** Runs when awaited: rows as objects, or as arrays after `.values()`. */
class Query implements PromiseLike<Rows> {
  readonly #run: (rowMode: 'array' | 'object') => Promise<Rows>

  constructor(run: (rowMode: 'array' | 'object') => Promise<Rows>) {
    this.#run = run
  }

  values(): Promise<Rows> {
    return this.#run('array')
  }

  // biome-ignore lint/suspicious/noThenProperty: postgres.js queries are lazy thenables, and drizzle awaits them.
  then<Value = Rows, Failure = never>(
    resolve?: ((rows: Rows) => Value | PromiseLike<Value>) | null,
    reject?: ((reason: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Value | Failure> {
    return this.#run('object').then(resolve, reject)
  }
}
