import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Held until `release`, or until the process dies by whatever cause. */
export type ProcessLock = { release(): void }

/** Who holds, or last held, a lock; `startedAt` is ISO 8601. */
export type LockOwner = { pid: number; startedAt: string }

/**
 * Takes the lock at `path`, or returns undefined when a living process (this one included) has it.
 *
 * It is SQLite's lock on an empty database file, so the kernel drops it when its holder dies: there is no stale lock to break and no
 * reused pid to mistake for the holder. The pid beside it only tells people whom to look for.
 */
export const takeProcessLock = (path: string): ProcessLock | undefined => {
  mkdirSync(dirname(path), { recursive: true })
  const file = new Sqlite(path)
  try {
    file.run('begin immediate')
  } catch (error) {
    file.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return undefined
    throw error
  }
  const owner: LockOwner = { pid: process.pid, startedAt: new Date(Date.now() - process.uptime() * 1000).toISOString() }
  writeFileSync(ownerPath(path), `${JSON.stringify(owner)}\n`)
  return { release: () => file.close() }
}

export const readLockOwner = (path: string): LockOwner | undefined => {
  if (!existsSync(ownerPath(path))) return undefined
  try {
    return JSON.parse(readFileSync(ownerPath(path), 'utf8')) as LockOwner
  } catch {
    return undefined
  }
}

const ownerPath = (path: string) => `${path}.owner`
