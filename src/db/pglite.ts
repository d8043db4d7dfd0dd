import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { AppError } from '../lib/errors.ts'
import type { PgliteOptions, PgliteReply, PgliteRequest } from './pglite-worker.ts'
import { type ProcessLock, readLockOwner, takeProcessLock } from './process-lock.ts'

/**
 * The embedded Postgres of `<stateDir>/pg`, created when it is not there. Throws `conflict` when another process has it open:
 * PGlite has no lock of its own and two processes would corrupt the files.
 *
 * It survives `kill -9`; it does not promise to survive a power cut, for its WebAssembly build has no fsync.
 */
export const openPglite = async (stateDir: string): Promise<Pglite> => {
  const lockPath = join(stateDir, 'pg.lock')
  const lock = takeProcessLock(lockPath)
  if (!lock) throw heldElsewhere(stateDir, lockPath)
  try {
    const dataDir = join(stateDir, 'pg')
    if (!existsSync(join(dataDir, 'PG_VERSION'))) await createCluster(dataDir)
    const { worker, ready } = startWorker({ dataDir })
    const pglite = new Pglite(worker, lock)
    await ready
    return pglite
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Made aside and renamed, so that an interrupted first start leaves nothing half made; in a thread of its own, to give back ~400 MB. */
const createCluster = async (dataDir: string): Promise<void> => {
  const unfinished = `${dataDir}.new`
  rmSync(unfinished, { recursive: true, force: true })
  const { worker, ready } = startWorker({ dataDir: unfinished })
  await ready
  const client = new Pglite(worker, { release: () => {} })
  await client.close()
  renameSync(unfinished, dataDir)
}

const startWorker = (options: PgliteOptions): { worker: Worker; ready: Promise<void> } => {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData: options })
  const ready = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', (cause) =>
      reject(new AppError('unavailable', `cannot open the embedded database in ${options.dataDir}`, { cause })),
    )
  })
  return { worker, ready }
}

const heldElsewhere = (stateDir: string, lockPath: string) => {
  const owner = readLockOwner(lockPath)
  const holder = owner ? `process ${owner.pid}, running since ${owner.startedAt},` : 'another process'
  return new AppError(
    'conflict',
    `${holder} has the embedded database in ${stateDir} open, and it takes one process at a time. ` +
      'Stop that process, talk to it over its URL, choose another WEIR_STATE_DIR, or set DATABASE_URL to share a Postgres.',
  )
}

export type Rows = unknown[] & { count: number; columns: { name: string }[] }

type Pending = { resolve: (rows: Rows) => void; reject: (error: Error) => void }
/** A request without its id, which `send` gives. */
type Call = PgliteRequest extends infer Request ? (Request extends { id: number } ? Omit<Request, 'id'> : never) : never

/** Messages to the worker, and turns: a transaction keeps everybody else waiting, since there is one session. */
export class Pglite {
  readonly #worker: Worker
  readonly #lock: ProcessLock
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Map<string, Set<(payload: string) => void>>()
  #turn: Promise<unknown> = Promise.resolve()
  #lastId = 0
  #closed: Error | undefined

  constructor(worker: Worker, lock: ProcessLock) {
    this.#worker = worker
    this.#lock = lock
    worker.on('message', (reply: PgliteReply) => this.#receive(reply))
    worker.on('error', (error) => this.#fail(error as Error))
    worker.on('exit', () => this.#fail(new Error('the embedded database has stopped')))
  }

  /** Runs when no transaction is open. */
  query(text: string, parameters: unknown[], rowMode: 'array' | 'object'): Promise<Rows> {
    return this.exclusive(() => this.queryInTurn(text, parameters, rowMode))
  }

  /** For whoever has the turn already: the statements of a transaction. */
  queryInTurn(text: string, parameters: unknown[], rowMode: 'array' | 'object'): Promise<Rows> {
    return this.#send({ kind: 'query', text, parameters, rowMode })
  }

  /** Runs `work` when all earlier work is done, and lets nobody in between. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  async listen(channel: string, listener: (payload: string) => void): Promise<() => Promise<void>> {
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners)
    listeners.add(listener)
    if (listeners.size === 1) await this.exclusive(() => this.#send({ kind: 'listen', channel }))
    return async () => {
      if (!listeners.delete(listener) || listeners.size > 0 || this.#closed) return
      await this.exclusive(() => this.#send({ kind: 'unlisten', channel }))
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.exclusive(() => this.#send({ kind: 'close' }))
    this.#fail(new Error('the embedded database is closed'))
    await this.#worker.terminate()
  }

  #send(call: Call): Promise<Rows> {
    if (this.#closed) return Promise.reject(this.#closed)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ ...call, id })
    })
  }

  #receive(reply: PgliteReply): void {
    if (reply.kind === 'notification') {
      for (const listener of this.#listeners.get(reply.channel) ?? []) listener(reply.payload)
      return
    }
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (reply.kind === 'error') pending?.reject(Object.assign(new Error(reply.message), reply.fields))
    else pending?.resolve(Object.assign(reply.rows, { count: reply.count, columns: reply.columns.map((name) => ({ name })) }))
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#closed = error
    this.#lock.release()
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
