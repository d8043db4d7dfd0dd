import type { Database } from '../../db/database.ts'
import { type Clock, stopwatch } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import { findTrace } from '../../traces/query.ts'
import type { ScoringModels } from '../scoring-models.ts'
import type { AssertionSpec } from '../suite.ts'
import { type Claim, claimTraces, passOver } from './claim.ts'
import { checkJudges, type JudgeCheck } from './judge-check.ts'
import { scoreTrace } from './score-trace.ts'
import { insertScores, type OnlineScore, releaseClaims, spentSince } from './store.ts'

/** How the live answers of one route are scored. */
export type ScoringPlan = {
  route: string
  samplePercent: number
  scorers: readonly AssertionSpec[]
  models: ScoringModels
  /** Undefined without one. `identity` as `checkJudges` wants it. */
  judge?: { id: string; identity: () => Promise<string> } | undefined
  maxUsdPerDay: number | undefined
  concurrency: number
}

export type OnlineScoringOptions = {
  db: Database
  clock: Clock
  /** Of the configuration in force; none when nothing is to be scored. */
  plans: () => readonly ScoringPlan[]
  onScore: (score: OnlineScore) => void
  /** A judge became another one, and scored again what the earlier one had. */
  onJudge?: ((check: JudgeCheck) => void) | undefined
  /** Scoring of a route stops until midnight UTC. */
  onPause: (route: string, why: string) => void
  onError: (error: unknown) => void
  /** Between two looks at a route; more when a look takes long. */
  tickMs: number
  /** For one trace, all scorers. */
  timeoutMs?: number | undefined
}

export type OnlineScoring = {
  start(): void
  /** Looks at every route once and scores what it takes; resolves when that is stored. */
  tick(): Promise<void>
  /** Why a route is not being scored now; undefined when it is. */
  pausedBy(plan: Pick<ScoringPlan, 'route' | 'maxUsdPerDay'>): Promise<string | undefined>
  /** How many routes this replica found paused today. */
  paused(): number
  close(): Promise<void>
}

/**
 * Scores a sample of live answers behind the requests: every replica takes traces for itself, asks the scorers outside of any transaction,
 * and stores what they said. A replica that dies leaves its claims to the others, and a trace that was never scored in three attempts is
 * stored without a score.
 */
export const createOnlineScoring = (options: OnlineScoringOptions): OnlineScoring => {
  const { db, clock, plans, onScore, onJudge, onPause, onError, tickMs, timeoutMs = 300_000 } = options
  const stopped = new AbortController()
  const holdMs = timeoutMs + 60_000
  /** The day on which a route was last told to pause, so that it is told once. */
  const told = new Map<string, number>()
  let running: Promise<void> | undefined

  const pausedBy: OnlineScoring['pausedBy'] = async ({ route, maxUsdPerDay }) => {
    if (maxUsdPerDay === undefined) return undefined
    const spent = await spentSince(db, route, midnight(clock()))
    if (spent === null) return 'the price of its judge is unknown, so max_usd_per_day cannot be kept: give the model a price'
    return spent >= maxUsdPerDay ? `the ${maxUsdPerDay} USD of the day are spent` : undefined
  }

  /** True while the route may go on. */
  const admitted = async (plan: ScoringPlan): Promise<boolean> => {
    const why = await pausedBy(plan)
    if (why === undefined) {
      told.delete(plan.route)
      return true
    }
    const today = midnight(clock())
    if (told.get(plan.route) !== today) onPause(plan.route, why)
    told.set(plan.route, today)
    return false
  }

  const score = async (plan: ScoringPlan, { traceId, attempts }: Claim): Promise<void> => {
    const trace = await findTrace(db, traceId, null)
    if (trace?.payload == null) return releaseClaims(db, [traceId])
    if (attempts > mostAttempts) return insertScores(db, traceId, plan.scorers.map(givenUp(trace, clock())))
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(timeoutMs)])
    const scores = await Promise.all(plan.scorers.map((assertion) => scoreTrace({ trace, assertion, models: plan.models, clock, signal })))
    await insertScores(db, traceId, scores)
    for (const one of scores) onScore(one)
  }

  /** When the judge of a route was last looked at. */
  const lookedAtJudge = new Map<string, number>()
  const watchJudge = async ({ route, judge, scorers, models }: ScoringPlan): Promise<void> => {
    if (judge === undefined || clock() - (lookedAtJudge.get(route) ?? Number.NEGATIVE_INFINITY) < judgeEveryMs) return
    lookedAtJudge.set(route, clock())
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(timeoutMs)])
    const options = { db, clock, route, judge: judge.id, identity: await judge.identity(), scorers, models, signal }
    for (const check of await checkJudges(options)) onJudge?.(check)
  }

  /** How long it took to find traces, and whether there may be more. */
  const look = async (plan: ScoringPlan): Promise<{ lookMs: number; more: boolean }> => {
    const elapsedMs = stopwatch()
    if (!(await admitted(plan))) {
      await passOver(db, plan.route, clock())
      return { lookMs: elapsedMs(), more: false }
    }
    await watchJudge(plan).catch((error) => (stopped.signal.aborted ? undefined : onError(error)))
    const limit = plan.concurrency * 4
    const { route, samplePercent } = plan
    const claims = (await claimTraces(db, { route, samplePercent, limit, nowMs: clock(), holdMs })) ?? []
    const lookMs = elapsedMs()
    const open = [...claims]
    const work = async (): Promise<void> => {
      for (let claim = open.shift(); claim !== undefined; claim = open.shift()) {
        // What is judged when the money runs out is the most that it is exceeded by.
        if (stopped.signal.aborted || !(await admitted(plan))) return releaseClaims(db, [claim.traceId])
        // One that fails keeps its claim, and is tried again when that has run out.
        await score(plan, claim).catch((error) => (stopped.signal.aborted ? releaseClaims(db, [traceIdOf(claim)]) : onError(error)))
      }
    }
    await Promise.all(Array.from({ length: Math.min(plan.concurrency, open.length) }, work))
    return { lookMs, more: claims.length === limit }
  }

  const follow = async (route: string): Promise<void> => {
    while (!stopped.signal.aborted) {
      const plan = plans().find((one) => one.route === route)
      if (plan === undefined) return
      const { lookMs, more } = await look(plan).catch((error) => {
        if (!stopped.signal.aborted) onError(error)
        return { lookMs: 0, more: false }
      })
      // A look at much traffic must not become the traffic.
      if (!more) await pause(Math.max(tickMs, lookMs * 10), stopped.signal).catch(() => {})
    }
  }

  const watch = async (): Promise<void> => {
    const following = new Map<string, Promise<void>>()
    while (!stopped.signal.aborted) {
      for (const { route } of plans()) {
        if (!following.has(route))
          following.set(
            route,
            follow(route).finally(() => following.delete(route)),
          )
      }
      await pause(tickMs, stopped.signal).catch(() => {})
    }
    await Promise.all(following.values())
  }

  return {
    start: () => {
      running ??= watch()
    },
    tick: async () => {
      await Promise.all(plans().map(look))
    },
    pausedBy,
    paused: () => [...told.values()].filter((day) => day === midnight(clock())).length,
    close: async () => {
      stopped.abort()
      await running
    },
  }
}

const mostAttempts = 3
const judgeEveryMs = 60_000

const traceIdOf = ({ traceId }: Claim): string => traceId

const givenUp =
  (trace: Pick<OnlineScore, 'tenant' | 'route' | 'variant' | 'variantHash' | 'arm' | 'startedAtMs'> & { id: string }, nowMs: number) =>
  ({ metric }: AssertionSpec): OnlineScore => ({
    traceId: trace.id,
    scorer: metric,
    tenant: trace.tenant,
    route: trace.route,
    variant: trace.variant,
    variantHash: trace.variantHash,
    arm: trace.arm,
    score: null,
    passed: null,
    reason: `it could not be scored in ${mostAttempts} attempts`,
    costUsd: 0,
    startedAtMs: trace.startedAtMs,
    atMs: nowMs,
  })

/** Of the same day, UTC. */
export const midnight = (ms: number): number => Math.floor(ms / 86_400_000) * 86_400_000
