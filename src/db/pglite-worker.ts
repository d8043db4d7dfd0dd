/**
 * The thread PGlite lives in. It runs Postgres synchronously, so on the main thread a batch insert would hold up every request
 * (15–30 ms for 500 rows), and creating a cluster would for seconds.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite, type Results, types } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'

export type PgliteOptions = { dataDir: string }

export type PgliteRequest =
  | { id: number; kind: 'query'; text: string; parameters: unknown[]; rowMode: 'array' | 'object' }
  | { id: number; kind: 'listen' | 'unlisten'; channel: string }
  | { id: number; kind: 'close' }

export type PgliteReply =
  | { kind: 'result'; id: number; rows: unknown[]; count: number; columns: string[] }
  | { kind: 'error'; id: number; message: string; fields: { [key: string]: unknown } }
  | { kind: 'notification'; channel: string; payload: string }

/** Temporal and 64-bit values stay text, as drizzle sets up postgres.js: no precision is lost and both drivers answer alike. */
const asText = (value: string) => value
const parsers = Object.fromEntries(
  [types.TIMESTAMP, types.TIMESTAMPTZ, types.DATE, types.TIME, types.INTERVAL, types.INT8, types.NUMERIC].map((type) => [type, asText]),
)

const serve = async (port: NonNullable<typeof parentPort>, { dataDir }: PgliteOptions) => {
  const pglite = await PGlite.create({
    dataDir,
    extensions: { vector },
    parsers,
    // The default 128 MB of shared buffers is resident memory for a database that the page cache holds anyway.
    startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB', '-c', 'max_connections=10', '-c', 'timezone=UTC'],
  })
  const channels = new Map<string, () => Promise<void>>()
  const send = (reply: PgliteReply) => port.postMessage(reply)
  const result = (id: number, { rows, fields, affectedRows, rowCount }: Results<unknown>) =>
    send({ kind: 'result', id, rows, count: rowCount ?? affectedRows ?? rows.length, columns: fields.map((field) => field.name) })

  const answer = async (request: PgliteRequest): Promise<void> => {
    switch (request.kind) {
      case 'query': {
        const { id, text, parameters, rowMode } = request
        // Like postgres.js: without parameters the simple protocol, which allows several statements.
        if (parameters.length > 0) return result(id, await pglite.query(text, parameters, { rowMode }))
        return result(id, (await pglite.exec(text, { rowMode })).at(-1) ?? nothing)
      }
      case 'listen':
        channels.set(request.channel, await pglite.listen(quoted(request.channel), (payload) => notify(request.channel, payload)))
        return result(request.id, nothing)
      case 'unlisten':
        await channels.get(request.channel)?.()
        channels.delete(request.channel)
        return result(request.id, nothing)
      case 'close':
        await pglite.close()
        return result(request.id, nothing)
    }
  }
  const notify = (channel: string, payload: string) => send({ kind: 'notification', channel, payload })

  port.on('message', (request: PgliteRequest) => {
    answer(request).catch((error: Error) => send({ kind: 'error', id: request.id, message: error.message, fields: { ...error } }))
  })
  result(0, nothing)
}

const nothing: Results<unknown> = { rows: [], fields: [] }
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

if (parentPort) await serve(parentPort, workerData as PgliteOptions)
