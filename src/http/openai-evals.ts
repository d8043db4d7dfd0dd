import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { checkRows, compileItemSchema, readRows } from '../evals/openai/rows.ts'
import {
  cancelRun,
  changeEval,
  countRun,
  deleteEval,
  deleteRun,
  findEval,
  findOutputItem,
  findRun,
  insertEval,
  insertRun,
  listEvals,
  listOutputItems,
  listRuns,
  newEvalId,
  type OpenAiEval,
  type OpenAiRun,
} from '../evals/openai/store.ts'
import { checkTemplates } from '../evals/openai/template.ts'
import { createEval, createRun, type TestingCriterion, updateEval } from '../evals/openai/wire.ts'
import { mayCall } from '../keys/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { readJson } from './body.ts'
import type { EdgeContext, Env } from './context.ts'
import { listJson, pageQuery } from './files-page.ts'
import { evalJson, outputItemJson, runJson } from './openai-evals-json.ts'
import { parse } from './schemas/parse.ts'

export type OpenAiEvalDeps = {
  db: Database
  clock: Clock
  /** Whether a route or a model of this name answers conversations. */
  answers: (name: string) => boolean
  /** Whether there is one embedder, for `cosine`. */
  embeds: () => boolean
  /** A run was added. */
  kick: () => void
}

/** `/v1/evals` in OpenAI's shape: evals, runs and output items of the caller's tenant. */
export const openAiEvalRoutes = ({ db, clock, answers, embeds, kick }: OpenAiEvalDeps): Hono<Env> => {
  const evalOf = (c: EdgeContext): Promise<OpenAiEval> => findEval(db, tenantOf(c), c.req.param('id') ?? '')
  const runOf = (c: EdgeContext): Promise<OpenAiRun> => findRun(db, tenantOf(c), c.req.param('id') ?? '', c.req.param('run') ?? '')
  const told = async (c: EdgeContext, run: OpenAiRun) => runJson(run, await countRun(db, run.id), new URL(c.req.url).origin)

  const checkModel = (c: EdgeContext, model: string, param: string): void => {
    if (!answers(model)) throw new AppError('model_not_found', `there is no model '${model}'`, { param })
    if (!mayCall(c.get('principal'), model)) throw new AppError('permission_denied', `this API key may not call '${model}'`, { param })
  }
  const checkCriteria = (c: EdgeContext, criteria: readonly TestingCriterion[]): void => {
    for (const [index, criterion] of criteria.entries()) {
      const param = `testing_criteria[${index}]`
      if ('model' in criterion) checkModel(c, criterion.model, `${param}.model`)
      if (criterion.type === 'text_similarity' && criterion.evaluation_metric === 'cosine' && !embeds())
        throw new AppError('unsupported_parameter', `'${param}': cosine needs one embedding model to be configured`, { param })
    }
  }

  return new Hono<Env>()
    .post('/', async (c) => {
      const body = parse(createEval, await readJson(c.req.raw, maxBytes))
      compileItemSchema(body.data_source_config.item_schema)
      checkTemplates(body.testing_criteria, body.data_source_config.item_schema)
      checkCriteria(c, body.testing_criteria)
      const id = newEvalId('eval')
      const one: OpenAiEval = {
        id,
        tenant: tenantOf(c),
        name: body.name ?? id,
        dataSourceConfig: body.data_source_config,
        testingCriteria: body.testing_criteria,
        metadata: body.metadata ?? null,
        createdAtMs: clock(),
        updatedAtMs: clock(),
      }
      await insertEval(db, one)
      return c.json(evalJson(one))
    })
    .get('/', async (c) => {
      const page = parse(evalsQuery, c.req.query())
      return c.json(listJson(await listEvals(db, tenantOf(c), page), page, evalJson))
    })
    .get('/:id', async (c) => c.json(evalJson(await evalOf(c))))
    .post('/:id', async (c) => {
      const { id } = await evalOf(c)
      const change = parse(updateEval, await readJson(c.req.raw, maxBytes))
      return c.json(evalJson(await changeEval(db, tenantOf(c), id, change, clock())))
    })
    .delete('/:id', async (c) => {
      const { id } = await evalOf(c)
      await deleteEval(db, tenantOf(c), id)
      return c.json({ object: 'eval.deleted', deleted: true, eval_id: id })
    })
    .post('/:id/runs', async (c) => {
      const { id: evalId, dataSourceConfig, testingCriteria } = await evalOf(c)
      const body = parse(createRun, await readJson(c.req.raw, maxBytes))
      const { data_source: dataSource } = body
      if (dataSource.type !== 'jsonl') checkModel(c, dataSource.model, 'data_source.model')
      checkCriteria(c, testingCriteria)
      const rows = await readRows(db, tenantOf(c), dataSource)
      checkRows(rows, dataSourceConfig.item_schema)
      const { keyId, tenant, organisation, scopes, allowedRoutes, metadata } = c.get('principal')
      const id = newEvalId('run')
      const run: OpenAiRun = {
        id,
        evalId,
        tenant,
        name: body.name ?? id,
        dataSource,
        metadata: body.metadata ?? null,
        principal: { keyId, tenant, organisation, scopes, allowedRoutes, ...(metadata ? { metadata } : {}) },
        status: 'queued',
        error: null,
        items: rows.length,
        createdAtMs: clock(),
        heldUntilMs: 0,
      }
      await insertRun(db, run)
      kick()
      return c.json(await told(c, run), 201)
    })
    .get('/:id/runs', async (c) => {
      const page = parse(runsQuery, c.req.query())
      const { id } = await evalOf(c)
      const runs = await listRuns(db, id, page)
      const counts = new Map(await Promise.all(runs.map(async (run) => [run.id, await countRun(db, run.id)] as const)))
      const base = new URL(c.req.url).origin
      return c.json(listJson(runs, page, (run) => runJson(run, counts.get(run.id) ?? nothing, base)))
    })
    .get('/:id/runs/:run', async (c) => c.json(await told(c, await runOf(c))))
    .post('/:id/runs/:run', async (c) => cancel(c))
    .post('/:id/runs/:run/cancel', async (c) => cancel(c))
    .delete('/:id/runs/:run', async (c) => {
      const { id } = await runOf(c)
      await deleteRun(db, id)
      return c.json({ object: 'eval.run.deleted', deleted: true, run_id: id })
    })
    .get('/:id/runs/:run/output_items', async (c) => {
      const page = parse(itemsQuery, c.req.query())
      const run = await runOf(c)
      return c.json(listJson(await listOutputItems(db, run.id, page), page, (item) => outputItemJson(item, run)))
    })
    .get('/:id/runs/:run/output_items/:item', async (c) => {
      const run = await runOf(c)
      return c.json(outputItemJson(await findOutputItem(db, run.id, c.req.param('item')), run))
    })

  /** OpenAI's reference has it at the run itself, and its client at `/cancel`. */
  async function cancel(c: EdgeContext) {
    const run = await runOf(c)
    if (!(await cancelRun(db, run.id))) throw new AppError('conflict', `the run ${run.id} is over: ${(await runOf(c)).status}`)
    return c.json(await told(c, await runOf(c)))
  }
}

const tenantOf = (c: EdgeContext): string => c.get('principal').tenant
const nothing = { passed: 0, failed: 0, errored: 0, criteria: [], usage: [] }

/** Rows may come in the body. */
const maxBytes = 32 * 1024 * 1024

const page = { ...pageQuery(20, 100), order: z.enum(['asc', 'desc']).default('asc') }
const evalsQuery = z.strictObject({ ...page, order_by: z.literal('created_at', 'only created_at is supported').optional() })
const runsQuery = z.strictObject({ ...page, status: z.enum(['queued', 'in_progress', 'completed', 'canceled', 'failed']).optional() })
const itemsQuery = z.strictObject({ ...page, status: z.enum(['pass', 'fail']).optional() })
