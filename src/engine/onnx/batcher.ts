import { AppError } from '../../lib/errors.ts'

/** One text as token ids; `typeIds` tell the parts of a pair apart. */
export type Encoded = { ids: number[]; typeIds: number[] | undefined }

/** Runs one padded batch; returns a row per text, in order. */
export type RunBatch = (batch: Encoded[]) => Promise<Float32Array[]>

type Item = { text: Encoded; request: Request; index: number }
type Request = {
  rows: Float32Array[]
  left: number
  signal: AbortSignal
  resolve(rows: Float32Array[]): void
  reject(error: unknown): void
}

/**
 * Micro-batching by a token budget: texts of all requests that wait together are sorted by length and cut into batches whose padded size stays
 * under `batchTokens`. One batch runs at a time, and the loop turns between batches, because a run blocks it.
 */
export class Batcher {
  readonly #run: RunBatch
  readonly #batchTokens: number
  readonly #maxQueue: number
  #items: Item[] = []
  #requests = 0
  #loop: Promise<void> | undefined

  constructor(run: RunBatch, options: { batchTokens: number; maxQueue: number }) {
    this.#run = run
    this.#batchTokens = options.batchTokens
    this.#maxQueue = options.maxQueue
  }

  /** Requests not answered yet. */
  get waiting(): number {
    return this.#requests
  }

  /** A row per text. Throws `queue_full` when too many requests wait, and the signal's reason when aborted. */
  async submit(texts: Encoded[], signal: AbortSignal): Promise<Float32Array[]> {
    if (signal.aborted) throw signal.reason
    if (texts.length === 0) return []
    if (this.#requests >= this.#maxQueue)
      throw new AppError('queue_full', 'the local model is busy and its queue is full', { retryAfterMs: 1_000 })
    this.#requests += 1
    try {
      return await new Promise((resolve, reject) => {
        const request: Request = { rows: [], left: texts.length, signal, resolve, reject }
        for (const [index, text] of texts.entries()) this.#items.push({ text, request, index })
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        this.#loop ??= this.#work().finally(() => {
          this.#loop = undefined
        })
      })
    } finally {
      this.#requests -= 1
    }
  }

  async idle(): Promise<void> {
    while (this.#loop) await this.#loop
  }

  async #work(): Promise<void> {
    for (;;) {
      // Requests that arrive in the same turn join one batch; the wait is one turn, not a timer.
      await new Promise((resolve) => setImmediate(resolve))
      this.#items = this.#items.filter(({ request }) => !request.signal.aborted)
      if (this.#items.length === 0) return
      const batch = this.#take()
      try {
        const rows = await this.#run(batch.map((item) => item.text))
        for (const [position, item] of batch.entries()) settle(item, rows[position] as Float32Array)
      } catch (cause) {
        const error = cause instanceof AppError ? cause : new AppError('engine_unavailable', 'the local model failed', { cause })
        for (const { request } of batch) request.reject(error)
        this.#items = this.#items.filter((item) => !batch.some((failed) => failed.request === item.request))
      }
    }
  }

  /** The oldest text, and those nearest to it in length as far as the budget goes: nobody waits forever, little is padding. */
  #take(): Item[] {
    const [oldest] = this.#items
    if (!oldest) return []
    const sizeOf = ({ text }: Item) => text.ids.length
    const near = this.#items.toSorted((left, right) => Math.abs(sizeOf(left) - sizeOf(oldest)) - Math.abs(sizeOf(right) - sizeOf(oldest)))
    const batch: Item[] = []
    let longest = 1
    for (const item of near) {
      const padded = Math.max(longest, sizeOf(item))
      if (batch.length > 0 && padded * (batch.length + 1) > this.#batchTokens) break
      longest = padded
      batch.push(item)
    }
    const taken = new Set(batch)
    this.#items = this.#items.filter((item) => !taken.has(item))
    return batch
  }
}

const settle = ({ request, index }: Item, row: Float32Array): void => {
  request.rows[index] = row
  request.left -= 1
  if (request.left === 0) request.resolve(request.rows)
}
