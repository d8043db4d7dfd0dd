import { tryLockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { AppError } from '../lib/errors.ts'
import { addEvent, isSilenced, listAlerts, listSilences, liveAlert, openAlert, resolveAlert } from './alerts.ts'
import { type GoldenSet, readGoldenSet } from './golden-set.ts'
import type { MonitorPlan } from './plan.ts'
import { type AskGolden, askAll, compareReplay, similarities } from './replay.ts'
import {
  beginReplay,
  findBaseline,
  finishReplay,
  listReplays,
  liveModels,
  type Replay,
  type ReplayOf,
  replayOutputs,
} from './replay-store.ts'

export type GoldenDeps = Omit<AskGolden, 'embedder'> & {
  db: Database
  embedderOf: (model: string) => AskGolden['embedder']
  readFile: (path: string) => Promise<string>
  /** The variant that most subjects of a route get. */
  variantOf: (route: string) => { name: string; hash: string } | undefined
}

/** The signal of alerts that the golden set opens. */
export const goldenSignal = 'golden_set'

/** Asks the golden set of a route when it is due; undefined when it is not, or another replica asks. */
export const replayWhenDue = async (deps: GoldenDeps, plan: MonitorPlan, signal: AbortSignal): Promise<Replay | undefined> => {
  const found = await goldenOf(deps, plan)
  if (found === undefined) return undefined
  const { golden, of } = found
  const begun = await tryLockedTransaction(deps.db, `monitors:${plan.route}:golden`, async (tx) => {
    const reason = await reasonToReplay(tx, of, plan.golden?.everyMs ?? 0, deps.clock())
    return reason === undefined ? undefined : begin(tx, of, golden, { actor: 'monitor', reason, nowMs: deps.clock() })
  })
  return begun && concluded(deps, await carryOut(deps, plan, golden, begun, signal))
}

/** Asks it now; undefined for a route without one. */
export const replayNow = async (
  deps: GoldenDeps,
  plan: MonitorPlan,
  by: { actor: string; reason: string },
  signal: AbortSignal,
): Promise<Replay | undefined> => {
  const found = await goldenOf(deps, plan)
  if (found === undefined) return undefined
  const begun = await begin(deps.db, found.of, found.golden, { ...by, nowMs: deps.clock() })
  return concluded(deps, await carryOut(deps, plan, found.golden, begun, signal))
}

const goldenOf = async (
  { readFile, variantOf }: GoldenDeps,
  { route, golden }: MonitorPlan,
): Promise<{ golden: GoldenSet; of: ReplayOf } | undefined> => {
  const variant = variantOf(route)
  if (golden === null || variant === undefined) return undefined
  const set = readGoldenSet(await readFile(golden.file), golden.file)
  return { golden: set, of: { route, variant: variant.name, variantHash: variant.hash, goldenHash: set.hash } }
}

const begin = async (
  db: Database,
  of: ReplayOf,
  golden: GoldenSet,
  by: { actor: string; reason: string; nowMs: number },
): Promise<Replay> => {
  const baseline = await findBaseline(db, of)
  return beginReplay(db, of, { ...by, baselineId: baseline?.id ?? null, cases: golden.cases.length })
}

/** Undefined while it is not due: in its time, after an alert, when a host names another model in live answers, or to confirm that answers moved. */
const reasonToReplay = async (db: Database, of: ReplayOf, everyMs: number, nowMs: number): Promise<string | undefined> => {
  const replays = await listReplays(db, { ...of, limit: 3 })
  const [last, before] = replays
  if (last === undefined) return 'the first time'
  if (last.status === 'running') return nowMs > last.startedAtMs + abandonedMs ? 'the one before was broken off' : undefined
  if (last.status === 'failed') return nowMs > last.startedAtMs + Math.min(everyMs, retryMs) ? 'the one before failed' : undefined
  if (nowMs >= last.startedAtMs + everyMs) return 'in its time'
  if (last.moved === true && before?.moved !== true) return 'answers moved: once more to be sure'
  const alerts = await listAlerts(db, { route: of.route, states: ['open', 'acknowledged'], limit: 100 })
  const newer = alerts.find(({ variantHash, signal, openedAtMs }) => {
    return variantHash === of.variantHash && signal !== goldenSignal && openedAtMs > last.startedAtMs
  })
  if (newer) return `to tell who changed: ${newer.signal} drifts`
  const live = await liveModels(db, of.route, of.variantHash, last.startedAtMs)
  const unheard = live.find((model) => !last.knownModels.includes(model))
  return unheard === undefined || last.knownModels.length === 0 ? undefined : `a host names the model ${unheard} now`
}

const concluded = async ({ db, clock }: GoldenDeps, replay: Replay): Promise<Replay> => {
  if (replay.status === 'completed' && replay.moved !== null) await tell(db, replay, clock())
  return replay
}

const carryOut = async (deps: GoldenDeps, plan: MonitorPlan, golden: GoldenSet, replay: Replay, signal: AbortSignal): Promise<Replay> => {
  const { db, clock } = deps
  const named = plan.golden?.embedder ?? null
  const embedder = named === null ? undefined : deps.embedderOf(named)
  const asking = { ...deps, embedder }
  const at = { route: replay.route, variant: replay.variant, replayId: replay.id }
  const fail = (error: string) => finishReplay(db, replay.id, { status: 'failed', error, finishedAtMs: clock() }, [])
  try {
    // Compared by letters they would seem to have moved.
    if (named !== null && embedder === undefined) throw new AppError('model_not_found', `the embedder '${named}' is not there`)
    const first = await askAll(asking, golden, at, signal)
    if (first.answers.size < golden.cases.length * enoughShare) return await fail(first.error ?? 'too few questions were answered')
    const live = await liveModels(db, replay.route, replay.variantHash, replay.startedAtMs - dayMs)
    const echoed = [...first.answers.values()].flatMap(({ upstreamModel }) => upstreamModel ?? [])
    const end = {
      status: 'completed' as const,
      answered: first.answers.size,
      knownModels: [...new Set([...live, ...echoed])].sort(),
      finishedAtMs: clock(),
    }
    const compareWith = async (before: ReadonlyMap<string, string>) => {
      const pairs = [...first.answers].flatMap(([id, { output }]) => {
        const earlier = before.get(id)
        return earlier === undefined ? [] : [{ id, before: earlier, now: output }]
      })
      const alike = await similarities(embedder, pairs, signal)
      return pairs.map(({ id, now }, index) => ({ caseId: id, output: now, similarity: alike[index] ?? 0 }))
    }
    if (replay.baselineId === null) {
      const again = await askAll(asking, golden, at, signal)
      if (again.answers.size < golden.cases.length * enoughShare) return await fail(again.error ?? 'too few questions were answered')
      return await finishReplay(db, replay.id, end, await compareWith(new Map([...again.answers].map(([id, { output }]) => [id, output]))))
    }
    const baseline = await replayOutputs(db, replay.baselineId)
    const outputs = await compareWith(new Map(baseline.map(({ caseId, output }) => [caseId, output])))
    return await finishReplay(db, replay.id, { ...end, ...compareReplay(baseline, outputs, plan.golden?.tolerance ?? 0) }, outputs)
  } catch (error) {
    await fail(signal.aborted ? 'broken off' : error instanceof Error ? error.message : String(error)).catch(() => {})
    throw error
  }
}

/** An alert when two replays in a row moved, resolved by one that did not: the answers are compared pair by pair, and leave little to chance. */
const tell = async (db: Database, replay: Replay, nowMs: number): Promise<void> => {
  const { route, variant, variantHash, goldenHash } = replay
  const [, before] = (await listReplays(db, { route, variantHash, goldenHash, limit: 10 })).filter(({ status }) => status === 'completed')
  const detail = {
    replay: replay.id,
    similarity: replay.similarity,
    baseline_similarity: replay.baselineSimilarity,
    exact_share: replay.exactShare,
  }
  const by = { actor: 'monitor', note: null, nowMs }
  const live = await liveAlert(db, route, variantHash, goldenSignal)
  if (replay.moved !== true) {
    if (live) await resolveAlert(db, live.id, { ...by, note: 'the golden set is answered as before' })
  } else if (live) await addEvent(db, live.id, 'drift', { ...by, detail })
  else if (before?.moved === true && !isSilenced(await listSilences(db, nowMs), route, goldenSignal, nowMs)) {
    await openAlert(db, { route, variant, variantHash, signal: goldenSignal, tag: 'quality', windowId: null }, { ...by, detail })
  }
}

const enoughShare = 0.8
const abandonedMs = 30 * 60_000
const retryMs = 3_600_000
const dayMs = 86_400_000
