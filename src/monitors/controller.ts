import { sql } from 'drizzle-orm'
import { tryLockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { rest } from '../lib/pause.ts'
import type { Embedder } from '../models/embedder.ts'
import type { Stretch } from './distribution.ts'
import { embedSamples } from './embed-samples.ts'
import { compareWithReference, type Evaluated, recordWindow } from './evaluate.ts'
import { fillSamples } from './fill-samples.ts'
import type { MonitorPlan } from './plan.ts'
import { createReference, listReferences, type Reference } from './reference.ts'
import { rollUp, watermark, wholeMinutes } from './roll-up.ts'
import type { Signal } from './signal.ts'
import { signalsVersion } from './signals.ts'
import { isUnread, nextWindow } from './windows.ts'

export type ControllerDeps = {
  db: Database
  clock: Clock
  plans: () => readonly MonitorPlan[]
  signals: () => readonly Signal[]
  embedderOf: (model: string) => Embedder | undefined
  /** What comes after the windows of a look: actions, replays. */
  afterwards: (plan: MonitorPlan, signal: AbortSignal) => Promise<void>
  afterLook?: (() => Promise<void>) | undefined
  /** How long payloads are kept: what was made of them goes with them. */
  payloadDays?: (() => number) | undefined
  /** Between two looks; more when a look takes long. */
  tickMs: number
  onEvaluated?: ((reference: Reference, evaluated: Evaluated) => void) | undefined
  onError: (error: unknown, route: string) => void
}

export type MonitorController = { start(): void; tick(): Promise<void>; close(): Promise<void> }

/**
 * Counts, reads and compares the traffic of every monitored route. Every replica runs one; whichever holds the advisory lock counts and
 * compares, in short transactions, and reads payloads and asks models between them. Its own timer and no queue: all state is in the rows, so
 * a look that is missed or done twice changes nothing. pg-boss runs on both databases (12.38), but would poll the embedded one's only
 * connection for what the rows tell anyway.
 */
export const createMonitorController = (deps: ControllerDeps): MonitorController => {
  const { db, clock, plans, onError, tickMs } = deps
  const stopped = new AbortController()
  let running: Promise<void> | undefined
  let sweptMs = Number.NEGATIVE_INFINITY

  const look = async (): Promise<void> => {
    for (const plan of plans()) {
      if (stopped.signal.aborted) return
      try {
        await lookAt(deps, plan, stopped.signal)
      } catch (error) {
        if (!stopped.signal.aborted) onError(error, plan.route)
      }
    }
    if (plans().length > 0) await deps.afterLook?.()
    if (plans().length > 0 && clock() >= sweptMs + sweepEveryMs) {
      await sweep(db, clock(), deps.payloadDays?.() ?? keptDays)
      sweptMs = clock()
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const started = performance.now()
      await look().catch((error) => onError(error, ''))
      await rest(Math.max(tickMs, (performance.now() - started) * restPerWork), stopped.signal)
    }
  }
  return {
    start: () => {
      running ??= loop()
    },
    tick: look,
    close: async () => {
      stopped.abort()
      await running
    },
  }
}

const lookAt = async (deps: ControllerDeps, plan: MonitorPlan, signal: AbortSignal): Promise<void> => {
  const { db, clock, embedderOf, afterwards, onError } = deps
  const { route, latenessMs } = plan
  const embedder = plan.embedder === null ? undefined : embedderOf(plan.embedder)
  let mine = false
  while (!signal.aborted) {
    const counted = await tryLockedTransaction(db, lockOf(route), async (tx) => ({
      stretch: await rollUp(tx, { route, nowMs: clock(), latenessMs, embed: embedder !== undefined }),
    }))
    // Another replica is at it.
    if (counted === undefined) return
    mine = true
    if (counted.stretch === undefined) break
    await fillSamples(db, route, signal)
    if (counted.stretch.toMs > clock() - 2 * 60_000) break
    // There is a past to catch up with, and requests go first.
    await rest(catchUpRestMs, signal)
  }
  if (!mine) return
  // Samples that a stopped process left unread.
  await fillSamples(db, route, signal)
  // An embedder that is away must not keep the other signals from being compared.
  if (embedder) await embedSamples(db, route, embedder, signal).catch((error) => onError(error, route))
  await referencesOfNewVariants(deps, plan)
  for (const reference of await newestReferences(db, route)) await evaluateDue(deps, plan, reference, signal)
  await afterwards(plan, signal)
}

/** All windows of a variant that are due, oldest first. One that another replica was quicker with is left as it is. */
const evaluateDue = async (deps: ControllerDeps, plan: MonitorPlan, reference: Reference, signal: AbortSignal): Promise<void> => {
  const { db, clock, signals, onEvaluated } = deps
  while (!signal.aborted) {
    const window = await dueWindow(db, plan, reference, clock())
    if (window === undefined) return
    const compared = await compareWithReference(db, plan, signals(), reference, window)
    const evaluated = await tryLockedTransaction(db, lockOf(plan.route), async (tx) => {
      const still = await dueWindow(tx, plan, reference, clock())
      return still?.fromMs === window.fromMs ? recordWindow(tx, plan, signals(), reference, compared, clock()) : undefined
    })
    if (evaluated === undefined) return
    onEvaluated?.(reference, evaluated)
  }
}

const dueWindow = async (db: Database, plan: MonitorPlan, reference: Reference, nowMs: number): Promise<Stretch | undefined> => {
  const rolledToMs = await watermark(db, plan.route)
  if (rolledToMs === undefined) return undefined
  const window = await nextWindow(db, plan, reference, rolledToMs)
  if (window === undefined) return undefined
  return (await isWaitedFor(db, window, plan, nowMs)) ? undefined : window
}

/** Samples are waited for until they are read, embeddings for a while: their model may be away. */
const isWaitedFor = async (db: Database, stretch: Stretch, { latenessMs }: MonitorPlan, nowMs: number): Promise<boolean> => {
  const unread = await isUnread(db, stretch)
  return unread.samples || (unread.embeddings && nowMs < stretch.toMs + latenessMs + embeddingsWaitMs)
}

/** Of each variant the newest reference; one whose signals mean something else is of no use. */
export const newestReferences = async (db: Database, route: string): Promise<Reference[]> => {
  const newest = new Map<string, Reference>()
  for (const reference of await listReferences(db, { route })) {
    if (reference.schemaVersion === signalsVersion && !newest.has(reference.variantHash)) newest.set(reference.variantHash, reference)
  }
  return [...newest.values()]
}

const referencesOfNewVariants = async ({ db, clock, signals }: ControllerDeps, plan: MonitorPlan): Promise<void> => {
  const { route, autoReference, likeHours } = plan
  if (autoReference === null) return
  const known = new Set((await newestReferences(db, route)).map(({ variantHash }) => variantHash))
  const rows = await db.execute<{ variant_hash: string; variant: string }>(sql`
    select variant_hash, max(variant) as variant from monitor_minutes where route = ${route} group by 1 having sum(requests) >= ${autoReference}`)
  for (const { variant_hash: variantHash, variant } of rows) {
    if (known.has(variantHash)) continue
    const stretch = await firstRequests(db, route, variantHash, autoReference, clock() - wholeMinutes(plan.latenessMs) - 60_000)
    if (stretch === undefined) continue
    if (await isWaitedFor(db, { route, variantHash, ...stretch }, plan, clock())) continue
    const reason = `the first ${autoReference} requests of this variant (auto_reference_requests)`
    await createReference(db, signals(), {
      ...{ route, variant, variantHash, ...stretch, perHour: likeHours },
      ...{ actor: 'monitor', reason, nowMs: clock() },
    })
  }
}

const firstRequests = async (db: Database, route: string, variantHash: string, n: number, readyMs: number) => {
  const [row] = await db.execute<{ first: string | null; last: string | null }>(sql`
    select min(minute) as first, min(minute) filter (where total >= ${n}) as last from (
      select minute, sum(requests) over (order by minute) as total from monitor_minutes where route = ${route} and variant_hash = ${variantHash}
    ) as running`)
  if (!row?.first || !row.last) return undefined
  const toMs = Date.parse(row.last) + 60_000
  return toMs <= readyMs ? { fromMs: Date.parse(row.first), toMs } : undefined
}

/** What was counted is of use for as long as a reference may be made of it. */
const sweep = async (db: Database, nowMs: number, payloadDays: number): Promise<void> => {
  for (const table of ['monitor_samples', 'monitor_embeddings', 'monitor_counts', 'monitor_minutes']) {
    const days = table === 'monitor_embeddings' ? Math.min(keptDays, payloadDays) : keptDays
    const before = new Date(nowMs - days * 86_400_000).toISOString()
    await db.execute(sql`delete from ${sql.identifier(table)} where minute < ${before}::timestamptz`)
  }
}

const lockOf = (route: string) => `monitors:${route}`

/** A thirtieth of the time at most goes into looking. */
const restPerWork = 30
const catchUpRestMs = 20
const embeddingsWaitMs = 15 * 60_000
const sweepEveryMs = 3_600_000
const keptDays = 60
