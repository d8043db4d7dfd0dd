import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { AppError } from '../lib/errors.ts'
import type { Launch } from './launch.ts'
import { type CallOptions, type CallResult, Link } from './link.ts'

export type EngineLog = (level: 'debug' | 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>) => void

export type SupervisorOptions = {
  /** Goes into log lines and error messages. */
  name: string
  launch(): Promise<Launch>
  log: EngineLog
  /** Silence longer than `heartbeatTimeoutMs` counts as death. A call that blocks the child's loop must fit into it. */
  heartbeatMs?: number
  heartbeatTimeoutMs?: number
  startTimeoutMs?: number
  /** How long `close` lets calls in flight finish. */
  drainMs?: number
  /** In [0, 1); spreads restarts. */
  random?: () => number
}

export type SupervisorStatus = {
  state: 'stopped' | 'starting' | 'ready' | 'waiting' | 'closing'
  pid: number | undefined
  runtime: string | undefined
  restarts: number
  inFlight: number
  /** What the child last reported about itself. */
  child: unknown
}

const defaults = { heartbeatMs: 500, heartbeatTimeoutMs: 30_000, startTimeoutMs: 30_000, drainMs: 30_000, random: Math.random }
const firstDelayMs = 200
const longestDelayMs = 30_000
/** A child that lived this long was healthy: its next death is a first death. */
const healthyMs = 30_000
/** A restart sooner than this is worth waiting for; a later one is not. */
const patienceMs = 2_000

/**
 * Keeps one child process alive: heartbeat, restart with exponential backoff and jitter, drain before stop.
 * Calls in flight when the child dies end as `engine_unavailable`; calls made while it restarts wait for it, briefly.
 */
export class Supervisor {
  readonly #options: typeof defaults & SupervisorOptions
  #state: SupervisorStatus['state'] = 'stopped'
  #process: ChildProcess | undefined
  #link: Link | undefined
  #runtime: string | undefined
  #childStatus: unknown = null
  #restarts = 0
  #deaths = 0
  #retryAtMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #ready = Promise.withResolvers<Link>()
  #drained: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = { ...defaults, ...options }
    this.#ready.promise.catch(() => undefined)
  }

  /** Starts the child and resolves when it answers. Rejects when the first attempt fails; supervision goes on regardless. */
  async start(): Promise<void> {
    if (this.#state === 'stopped') this.#launch()
    await this.#ready.promise
  }

  /** See `Link.call`. Starts the child when nobody has. */
  async call(method: string, params: unknown, options: CallOptions): Promise<CallResult> {
    if (options.signal.aborted) throw new AppError('aborted', 'the request was aborted', { cause: options.signal.reason })
    if (this.#state === 'closing') throw this.#unavailable('is stopping')
    if (this.#state === 'stopped') this.#launch()
    const waitMs = this.#retryAtMs - Date.now()
    if (this.#state === 'waiting' && waitMs > patienceMs) throw this.#unavailable('keeps failing', { retryAfterMs: waitMs })
    const link = this.#state === 'ready' && this.#link ? this.#link : await abortable(this.#ready.promise, options.signal)
    return link.call(method, params, options)
  }

  status(): SupervisorStatus {
    return {
      state: this.#state,
      pid: this.#process?.pid,
      runtime: this.#runtime,
      restarts: this.#restarts,
      inFlight: this.#link?.inFlight ?? 0,
      child: this.#childStatus,
    }
  }

  /** Lets calls in flight finish for `drainMs`, then stops the child. Idempotent. */
  close(): Promise<void> {
    this.#drained ??= this.#close()
    return this.#drained
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    clearTimeout(this.#timer)
    this.#ready.reject(this.#unavailable('is stopping'))
    const [child, link] = [this.#process, this.#link]
    if (!child || !link) return
    await within(this.#options.drainMs, link.idle())
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    if (child.exitCode !== null || child.signalCode !== null) return
    link.send({ type: 'stop' })
    await within(3_000, exited)
    link.lose(this.#unavailable('was stopped'))
    child.kill('SIGKILL')
  }

  #launch(): void {
    this.#state = 'starting'
    this.#spawn().catch((error: unknown) => this.#died(error))
  }

  async #spawn(): Promise<void> {
    const { name, log, heartbeatMs, heartbeatTimeoutMs, startTimeoutMs } = this.#options
    const { command, args, env } = await this.#options.launch()
    if (this.#state === 'closing') return
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env })
    this.#process = child
    const startedAtMs = Date.now()
    let heardAtMs = startedAtMs
    const lastLines: string[] = []
    const link = new Link(child.stdio[3] as Duplex, {
      ready: (runtime) => {
        heardAtMs = Date.now()
        this.#runtime = runtime
        if (this.#state !== 'starting') return
        this.#state = 'ready'
        log('info', `${name} engine is ready`, { pid: child.pid, runtime, startMs: heardAtMs - startedAtMs })
        this.#ready.resolve(link)
      },
      pong: (status) => {
        heardAtMs = Date.now()
        this.#childStatus = status
        if (heardAtMs - startedAtMs > healthyMs) this.#deaths = 0
      },
      broken: (error) => {
        log('warn', `${name} engine's channel broke`, { pid: child.pid, error: String(error) })
        child.kill('SIGKILL')
      },
    })
    this.#link = link
    const heartbeat = setInterval(() => {
      const limitMs = this.#state === 'starting' ? startTimeoutMs : heartbeatTimeoutMs
      if (Date.now() - heardAtMs > limitMs) {
        log('error', `${name} engine went silent`, { pid: child.pid, silentMs: Date.now() - heardAtMs })
        child.kill('SIGKILL')
      } else link.send({ type: 'ping' })
    }, heartbeatMs)

    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          lastLines.push(line)
          if (lastLines.length > 20) lastLines.shift()
          log('debug', `${name} engine: ${line}`)
        }
      })
    }
    let gone = false
    const end = (cause: unknown) => {
      if (gone) return
      gone = true
      clearInterval(heartbeat)
      link.lose(this.#unavailable('died', { cause }))
      if (this.#link === link) this.#died(cause, lastLines)
    }
    child.on('error', end)
    child.on('exit', (code, signal) => end(new Error(signal ? `killed by ${signal}` : `exited with ${code}`)))
  }

  #died(cause: unknown, lastLines: string[] = []): void {
    this.#link = undefined
    this.#process = undefined
    this.#childStatus = null
    if (this.#state === 'closing') return
    const { name, log, random } = this.#options
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#deaths) * (0.5 + random() / 2)
    this.#deaths += 1
    this.#restarts += 1
    log('error', `${name} engine died; restarting in ${Math.round(delayMs)} ms`, { cause: String(cause), lastLines })
    if (this.#state === 'starting') this.#ready.reject(this.#unavailable('did not start', { cause }))
    this.#state = 'waiting'
    this.#ready = Promise.withResolvers<Link>()
    this.#ready.promise.catch(() => undefined)
    this.#retryAtMs = Date.now() + delayMs
    this.#timer = setTimeout(() => this.#launch(), delayMs)
  }

  #unavailable(what: string, options: { cause?: unknown; retryAfterMs?: number } = {}): AppError {
    return new AppError('engine_unavailable', `the local ${this.#options.name} engine ${what}`, options)
  }
}

const within = async (ms: number, done: Promise<unknown>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([done, late])
  clearTimeout(timer)
}

const abortable = <Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> => {
  const gone = Promise.withResolvers<never>()
  const abort = () => gone.reject(new AppError('aborted', 'the request was aborted', { cause: signal.reason }))
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([value, gone.promise]).finally(() => signal.removeEventListener('abort', abort))
}
