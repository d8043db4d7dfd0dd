import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../../src/db/database.ts'
import { createWorkplace, type ServerProcess } from './server-process.ts'

export type Replica = ServerProcess & {
  /** Asks with the CLI's own token, or with `secret`. */
  call(method: string, path: string, body?: unknown, secret?: string, headers?: Record<string, string>): Promise<Response>
}

export type Replicas = AsyncDisposable & { servers: [Replica, Replica]; databaseUrl: string; folder: string }

/** Two server processes, as `weir up` starts them, over one new database of a Postgres server. */
export const startReplicas = async (postgres: string, config: object): Promise<Replicas> => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-replicas-'))
  const database = await emptyDatabase(postgres)
  const started: ServerProcess[] = []
  const stop = async () => {
    for (const server of started) server.signal('SIGTERM')
    await Promise.all(started.map(({ exited }) => exited))
    rmSync(folder, { recursive: true, force: true })
    await database[Symbol.asyncDispose]()
  }
  const start = async (name: string): Promise<Replica> => {
    const server = await createWorkplace(join(folder, name), config).start({ DATABASE_URL: database.url })
    started.push(server)
    const { token } = JSON.parse(await readFile(join(folder, name, 'state', 'server.json'), 'utf8')) as { token: string }
    return {
      ...server,
      call: (method, path, body, secret = token, headers = {}) =>
        fetch(`${server.url}${path}`, {
          method,
          headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
          body: body === undefined ? null : JSON.stringify(body),
        }),
    }
  }
  try {
    return { servers: [await start('one'), await start('two')], databaseUrl: database.url, folder, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A new database on a server, dropped afterwards. */
export const emptyDatabase = async (postgres: string) => {
  const name = `weir_test_${Bun.randomUUIDv7().replaceAll('-', '')}`
  const run = async (statement: string) => {
    await using admin = await openDatabase({ url: postgres, stateDir: '', connections: 1 })
    await admin.db.execute(sql.raw(statement))
  }
  await run(`create database ${name}`)
  const url = new URL(postgres)
  url.pathname = `/${name}`
  return { url: url.href, [Symbol.asyncDispose]: () => run(`drop database if exists ${name} with (force)`) }
}
