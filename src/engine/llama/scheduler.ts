import { AppError } from '../../lib/errors.ts'
import type { NativeContext } from './native.ts'
import type { Sampled, TokenSampler } from './sampler.ts'
import { chooseSlot, type Slot } from './slots.ts'

/** One sequence to generate. */
export type Job = {
  tenant: string
  /** Not empty. */
  prompt: readonly number[]
  maxTokens: number
  sampler: TokenSampler
  /** Called once, when a sequence was found. */
  onStart?(started: { queuedMs: number; cachedTokens: number }): void
  /** Says whether to go on after this token. */
  onToken(token: Sampled): boolean
  signal: AbortSignal
}

export type JobEnd = 'stopped' | 'length'

export type SchedulerOptions = {
  sequences: number
  contextTokens: number
  batchTokens: number
  maxQueue: number
  /** Runs a decode when the threads for it are free. */
  decode(work: () => Promise<void>): Promise<void>
}

type Running = {
  job: Job
  slot: Slot
  /** Decoded so far are `slot.tokens`; these come next. */
  pending: number[]
  generated: number
  startedAtMs: number
  resolve(end: JobEnd): void
  reject(error: unknown): void
}
type Waiting = Pick<Running, 'job' | 'resolve' | 'reject'> & { arrivedAtMs: number }

/**
 * Continuous batching over the sequences of one context: each step decodes one token of every answer under way and fills the rest
 * of the batch with prompts, in order of arrival; answers join and leave between steps. An aborted one leaves before the next step.
 */
export class BatchScheduler {
  readonly #context: NativeContext
  readonly #options: SchedulerOptions
  readonly #free: Slot[]
  readonly #running = new Set<Running>()
  #waiting: Waiting[] = []
  #loop: Promise<void> | undefined
  #step = 0
  /** Moving average, to tell a refused caller when to come back. */
  #jobMs = 1_000

  constructor(context: NativeContext, options: SchedulerOptions) {
    this.#context = context
    this.#options = options
    this.#free = Array.from({ length: options.sequences }, (_, id) => ({ id, tokens: [], tenant: undefined, usedAt: 0 }))
  }

  get running(): number {
    return this.#running.size
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Throws `queue_full` when these many more would not fit. */
  admit(jobs: number): void {
    // Aborted answers leave with the step under way.
    const leaving = [...this.#running].filter((running) => running.job.signal.aborted).length
    const room = this.#free.length + leaving + this.#options.maxQueue - this.#waiting.length
    if (jobs <= room) return
    const rounds = Math.ceil((this.#waiting.length + jobs) / this.#options.sequences)
    const retryAfterMs = Math.min(30_000, Math.max(250, Math.round(rounds * this.#jobMs)))
    throw new AppError('queue_full', 'the local model is busy and its queue is full', { retryAfterMs })
  }

  /** Generates until `onToken` says stop or `maxTokens` or the context is used up. Rejects with the signal's reason when aborted. */
  run(job: Job): Promise<JobEnd> {
    if (job.signal.aborted) return Promise.reject(job.signal.reason)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject, arrivedAtMs: performance.now() })
      job.signal.addEventListener('abort', () => this.#abandon(job), { once: true })
      this.#loop ??= this.#work().finally(() => {
        this.#loop = undefined
      })
    })
  }

  /** Resolves when nothing is running: the context may be disposed then. */
  async idle(): Promise<void> {
    while (this.#loop) await this.#loop
  }

  #abandon(job: Job): void {
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.job !== job) return true
      waiting.reject(job.signal.reason)
      return false
    })
  }

  async #work(): Promise<void> {
    for (;;) {
      this.#step += 1
      for (const running of this.#running)
        if (running.job.signal.aborted) this.#leave(running, () => running.reject(running.job.signal.reason))
      this.#start()
      if (this.#running.size === 0) return
      const outputs = this.#fillBatch()
      try {
        await this.#options.decode(() => this.#context.decodeBatch())
      } catch (cause) {
        this.#fail(cause)
        continue
      }
      // All of them settle before anything is torn down: a sampler must not be freed while it works.
      const sampled = await Promise.allSettled(outputs.map(({ running, output }) => running.job.sampler.sample(this.#context, output)))
      for (const [index, result] of sampled.entries()) {
        const { running } = outputs[index] as (typeof outputs)[number]
        if (result.status === 'fulfilled') this.#take(running, result.value)
        else this.#leave(running, () => running.reject(result.reason))
      }
    }
  }

  /** Gives free sequences to those who wait. */
  #start(): void {
    while (this.#free.length > 0) {
      const waiting = this.#waiting.shift()
      if (!waiting) return
      const { job } = waiting
      const busy = Array.from(this.#running, (running) => running.slot.id)
      const chosen = chooseSlot(this.#free, busy, job.tenant, job.prompt)
      if (!chosen) return
      const { slot } = chosen
      this.#free.splice(this.#free.indexOf(slot), 1)
      const reuse = this.#rewind(slot, chosen.reuse)
      slot.tenant = job.tenant
      this.#running.add({ ...waiting, slot, pending: job.prompt.slice(reuse), generated: 0, startedAtMs: performance.now() })
      job.onStart?.({ queuedMs: performance.now() - waiting.arrivedAtMs, cachedTokens: reuse })
    }
  }

  #rewind(slot: Slot, keep: number): number {
    if (slot.tokens.length === keep) return keep
    const partly = keep > 0 && this.#context.removeTokenCellsFromSequence(slot.id, keep, -1)
    if (!partly) this.#context.disposeSequence(slot.id)
    slot.tokens.length = partly ? keep : 0
    return slot.tokens.length
  }

  #fillBatch(): { running: Running; output: number }[] {
    const plan: { running: Running; count: number }[] = []
    let room = this.#options.batchTokens
    // Answers under way first: their one token each must not wait behind a long prompt.
    for (const answering of [true, false]) {
      for (const running of this.#running) {
        if (running.generated > 0 !== answering || room === 0) continue
        const count = Math.min(room, running.pending.length)
        plan.push({ running, count })
        room -= count
      }
    }
    // Out of order, sequences are not decoded together (llama.cpp, llama_batch_allocr::split_equal): a third slower at eight streams.
    plan.sort((left, right) => left.running.slot.id - right.running.slot.id)
    this.#context.initBatch(this.#options.batchTokens - room)
    const outputs: { running: Running; output: number }[] = []
    for (const { running, count } of plan) {
      const { slot } = running
      const tokens = running.pending.splice(0, count)
      const wanted = running.pending.length === 0 ? Uint32Array.of(count - 1) : none
      const [output] = this.#context.addToBatch(slot.id, slot.tokens.length, Uint32Array.from(tokens), wanted)
      for (const token of tokens) slot.tokens.push(token)
      slot.usedAt = this.#step
      if (output !== undefined) outputs.push({ running, output })
    }
    return outputs
  }

  #take(running: Running, sampled: Sampled): void {
    if (running.job.signal.aborted) return
    running.pending = []
    for (const next of [sampled, ...(sampled.forced ?? []).map((token) => ({ token }))]) {
      running.generated += 1
      running.pending.push(next.token)
      const end = this.#tell(running, next)
      if (end === undefined) continue
      this.#leave(running, end)
      return
    }
  }

  /** Hands a token on; returns how to end, when that was the last one. */
  #tell({ job, slot, pending, generated, resolve, reject }: Running, sampled: Sampled): (() => void) | undefined {
    try {
      if (!job.onToken(sampled)) return () => resolve('stopped')
    } catch (error) {
      return () => reject(error)
    }
    const used = slot.tokens.length + pending.length - 1
    return generated >= job.maxTokens || used >= this.#options.contextTokens ? () => resolve('length') : undefined
  }

  /** A failed decode leaves the cache in doubt: everything in it is forgotten. */
  #fail(cause: unknown): void {
    for (const running of this.#running) {
      const { slot } = running
      this.#context.disposeSequence(slot.id)
      slot.tokens = []
      this.#leave(running, () => running.reject(new AppError('engine_unavailable', 'the local model failed while generating', { cause })))
    }
  }

  #leave(running: Running, settle: () => void): void {
    this.#running.delete(running)
    this.#free.push(running.slot)
    this.#jobMs += 0.1 * (performance.now() - running.startedAtMs - this.#jobMs)
    settle()
  }
}

const none = new Uint32Array(0)
