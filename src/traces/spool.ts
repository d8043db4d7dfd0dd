import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProcessLock, takeProcessLock } from '../db/process-lock.ts'
import { uuidv7 } from '../lib/ids.ts'

/** A file of the spool that nobody appends to any more. */
export type Segment = { path: string; bytes: number }

/** What the spool needs of a file; tests pass one on a full disk. */
export type SegmentFile = {
  write(bytes: Uint8Array): Promise<{ bytesWritten: number }>
  datasync(): Promise<void>
  close(): Promise<void>
}
export type OpenSegment = (path: string) => Promise<SegmentFile>

/**
 * Append-only files under `<directory>/<id of this process>`. Segments that a dead process left in the same directory are adopted at
 * `start`; those of living ones, told by their locks, are not touched.
 */
export class Spool {
  readonly #directory: string
  readonly #openSegment: OpenSegment
  readonly #segmentBytes: number
  #own: string
  readonly #locks = new Map<string, ProcessLock>()
  #sealed: Segment[] = []
  #active: (Segment & { file: SegmentFile }) | undefined
  #lastSegment = 0

  constructor(
    directory: string,
    { segmentBytes, openSegment = openForAppend }: { segmentBytes: number; openSegment?: OpenSegment | undefined },
  ) {
    this.#directory = directory
    this.#openSegment = openSegment
    this.#segmentBytes = segmentBytes
    this.#own = join(directory, uuidv7())
  }

  get bytes(): number {
    return this.#sealed.reduce((sum, segment) => sum + segment.bytes, this.#active?.bytes ?? 0)
  }

  start(): void {
    mkdirSync(this.#directory, { recursive: true })
    for (const name of readdirSync(this.#directory).filter(isProcessDirectory).sort()) this.#adopt(join(this.#directory, name))
    // Another starter may have adopted the new directory before it was locked.
    while (!this.#lock(this.#own)) this.#own = join(this.#directory, uuidv7())
  }

  #adopt(directory: string): void {
    if (!this.#lock(directory)) return
    for (const file of readdirSync(directory).filter(isSegment).sort()) {
      const path = join(directory, file)
      this.#sealed.push({ path, bytes: statSync(path).size })
    }
  }

  #lock(directory: string): boolean {
    const lock = takeProcessLock(join(directory, 'lock'))
    if (lock) this.#locks.set(directory, lock)
    return lock !== undefined
  }

  /** Resolves when `bytes`, whole lines, are on the disk. After an error part of them may be: append them again, in a new segment. */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      this.#active ??= await this.#openNext()
      const active = this.#active
      for (let offset = 0; offset < bytes.length; ) {
        const { bytesWritten } = await active.file.write(bytes.subarray(offset))
        offset += bytesWritten
        active.bytes += bytesWritten
      }
      await active.file.datasync()
    } catch (error) {
      await this.seal()
      throw error
    }
    if (this.#active.bytes >= this.#segmentBytes) await this.seal()
  }

  async #openNext() {
    const path = join(this.#own, `${String(++this.#lastSegment).padStart(10, '0')}.jsonl`)
    return { path, bytes: 0, file: await this.#openSegment(path) }
  }

  /** Makes what was appended so far a segment for the drainer. Not while an append runs. */
  async seal(): Promise<void> {
    const active = this.#active
    if (!active) return
    this.#active = undefined
    this.#sealed.push({ path: active.path, bytes: active.bytes })
    await active.file.close().catch(() => {})
  }

  oldest(): Segment | undefined {
    return this.#sealed[0]
  }

  /** Empty when the file is gone: what somebody deleted must not hold up the rest. */
  read(segment: Segment): Promise<Buffer> {
    return readFile(segment.path).catch((error) => {
      ignoreMissing(error)
      return Buffer.alloc(0)
    })
  }

  /** Call it when the segment's records are committed elsewhere. */
  async remove(segment: Segment): Promise<void> {
    await unlink(segment.path).catch(ignoreMissing)
    this.#sealed = this.#sealed.filter((other) => other !== segment)
    if (this.#sealed.length === 0) this.#releaseAdopted()
  }

  async close(): Promise<void> {
    await this.seal()
    if (this.#sealed.length === 0) this.#releaseAdopted()
    this.#release(this.#own, !this.#sealed.some((segment) => segment.path.startsWith(this.#own)))
    for (const directory of [...this.#locks.keys()]) this.#release(directory, false)
  }

  #releaseAdopted(): void {
    for (const directory of [...this.#locks.keys()]) if (directory !== this.#own) this.#release(directory, true)
  }

  #release(directory: string, empty: boolean): void {
    if (empty) rmSync(directory, { recursive: true, force: true })
    this.#locks.get(directory)?.release()
    this.#locks.delete(directory)
  }
}

const openForAppend: OpenSegment = (path) => open(path, 'a')

const isSegment = (name: string) => name.endsWith('.jsonl')
const isProcessDirectory = (name: string) => /^[0-9a-f-]{36}$/.test(name)

const ignoreMissing = (error: NodeJS.ErrnoException) => {
  if (error.code !== 'ENOENT') throw error
}
