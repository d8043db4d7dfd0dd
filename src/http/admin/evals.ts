import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { PlacedCase } from '../../evals/dataset-file.ts'
import type { Evaluations } from '../../evals/evaluations.ts'
import { type JudgeCheck, listJudgeChecks } from '../../evals/online/judge-check.ts'
import { midnight } from '../../evals/online/online-scoring.ts'
import { spentSince, summariseScores } from '../../evals/online/store.ts'
import { readOutputs } from '../../evals/outputs-file.ts'
import { reportJson, runJson, scoresJson } from '../../evals/reports/json.ts'
import { listRuns } from '../../evals/store.ts'
import { readSuite } from '../../evals/suite-file.ts'
import type { DatasetSource } from '../../evals/suite-schema.ts'
import type { Clock } from '../../lib/clock.ts'
import { AppError } from '../../lib/errors.ts'
import { readJson } from '../body.ts'
import type { EdgeContext, Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'
import { actorOf } from './actor.ts'
import { lines } from './lines.ts'

export type EvalRouteDeps = {
  db: Database
  clock: Clock
  /** How the live answers of a route are scored, if they are. */
  scoringOf: (route: string) => { sample_percent: number; max_usd_per_day?: number | undefined } | undefined
  /** Why they are not being scored now. */
  pausedBy: (plan: { route: string; maxUsdPerDay: number | undefined }) => Promise<string | undefined>
  evaluations: Evaluations
  /** Cases from what this server has stored. */
  readStored: (source: Exclude<DatasetSource, { file: string }>) => Promise<PlacedCase[]>
}

const start = z.strictObject({
  /** The suite's path, for its name and for errors. */
  file: z.string().min(1).max(500),
  text: z.string().min(1),
  /** The files that its datasets name, by the name they are given there. */
  files: z.record(z.string(), z.string()).default({}),
  /** The variables that it reads. */
  environment: z.record(z.string(), z.string()).default({}),
  variant: z.string().optional(),
  baseline: z.string().optional(),
  resume: z.string().optional(),
  /** Recorded answers to judge in place of asking, as JSON lines. */
  outputs: z.string().optional(),
  use_cache: z.boolean().default(true),
  tags: z.array(z.string()).optional(),
  repeats: z.number().int().min(1).max(1000).optional(),
  concurrency: z.number().int().min(1).max(256).optional(),
  budget_usd: z.number().positive().optional(),
  git_commit: z.string().max(64).optional(),
})

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
  .optional()
const judges = z.strictObject({ route: z.string().optional(), limit: z.coerce.number().int().min(1).max(1000).default(50) })

const judgeJson = (check: JudgeCheck) => ({
  route: check.route,
  scorer: check.scorer,
  judge: check.judge,
  identity: check.identity,
  status: check.status,
  at: new Date(check.atMs).toISOString(),
  answers: check.answers,
  mean_before: check.meanBefore,
  mean_after: check.meanAfter,
  difference: check.difference === null ? null : { mean: check.difference, low: check.low, high: check.high, p: check.p },
  moved: check.moved,
  cost_usd: check.costUsd,
})

const scores = z.strictObject({ route: z.string().min(1), from: time, to: time })
const list = z.strictObject({ suite: z.string().optional(), limit: z.coerce.number().int().min(1).max(1000).default(20) })
const show = z.strictObject({ baseline: z.string().optional() })

/** Suites run here: `POST /admin/evals/runs` answers one JSON object a line, and the report is in the last. */
export const evalRoutes = ({ db, clock, evaluations, readStored, scoringOf, pausedBy }: EvalRouteDeps): Hono<Env> =>
  new Hono<Env>()
    .get('/judges', async (c) => {
      const { route, limit } = parse(judges, c.req.query())
      return c.json({ object: 'list', data: (await listJudgeChecks(db, route, limit)).map(judgeJson) })
    })
    .get('/scores', async (c) => {
      const { route, from, to } = parse(scores, c.req.query())
      const found = await summariseScores(db, { route, fromMs: from, toMs: to })
      const scoring = scoringOf(route)
      if (found.length === 0 && scoring === undefined)
        throw new AppError('not_found', `the live answers of '${route}' are not scored: give the route a \`scoring\``)
      const maxUsdPerDay = scoring?.max_usd_per_day
      return c.json({
        object: 'list',
        route,
        sample_percent: scoring?.sample_percent ?? 0,
        spent_today_usd: await spentSince(db, route, midnight(clock())),
        max_usd_per_day: maxUsdPerDay ?? null,
        paused: (scoring && (await pausedBy({ route, maxUsdPerDay }))) ?? null,
        data: found.map(scoresJson),
      })
    })
    .get('/runs', async (c) => {
      const { suite, limit } = parse(list, c.req.query())
      return c.json({ object: 'list', data: (await listRuns(db, { suite, limit })).map(runJson) })
    })
    .get('/runs/:id', async (c) => {
      const { baseline } = parse(show, c.req.query())
      return c.json(reportJson(await evaluations.report(c.req.param('id'), baseline)))
    })
    .post('/runs', async (c) => {
      const body = parse(start, await readJson(c.req.raw, maxSuiteBytes))
      const suite = await readSuite(body.text, body.file, body.environment, {
        readFile: async (path) => {
          const text = body.files[path]
          if (text === undefined) throw new AppError('invalid_request', `${body.file}: the file ${path} is not there`)
          return text
        },
        readStored,
      })
      const chosen = body.tags === undefined ? suite.cases : suite.cases.filter(({ tags }) => body.tags?.some((tag) => tags.includes(tag)))
      if (chosen.length === 0) throw new AppError('invalid_request', `no case of ${body.file} has one of the tags ${body.tags?.join(', ')}`)
      const outputs = body.outputs === undefined ? undefined : readOutputs(body.outputs, 'outputs')
      const actor = actorOf(c as EdgeContext)
      return lines(c as EdgeContext, async (line, signal) => {
        const report = await evaluations.run({
          suite: {
            ...suite,
            cases: chosen.map((one) => ({ ...one, repeats: body.repeats ?? one.repeats })),
            concurrency: body.concurrency ?? suite.concurrency,
            budgetUsd: body.budget_usd ?? suite.budgetUsd,
          },
          actor,
          gitCommit: body.git_commit,
          variant: body.variant,
          baseline: body.baseline,
          resume: body.resume,
          outputs,
          useCache: body.use_cache,
          onStart: ({ id, total, done, variant }) => line({ type: 'started', run: id, total, done, variant }),
          onResult: (result, done, total) =>
            line({ type: 'progress', done, total, case: result.caseId, passed: result.passed, error: result.error }),
          signal,
        })
        line({ type: 'done', report: reportJson(report) })
      })
    })

/** Datasets travel with their suite. */
const maxSuiteBytes = 64 * 1024 * 1024
