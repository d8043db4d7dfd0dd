import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { AppError } from '../../lib/errors.ts'
import { countTraces, findTrace, listTraces, type TraceFilter } from '../../traces/query.ts'
import type { Trace } from '../../traces/trace.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'

/** `GET /admin/traces`, newest first; `GET /admin/traces/{id}` with its payload; `GET /admin/traces/summary`, sums. */
export const traceRoutes = ({ db }: { db: Database }): Hono<Env> =>
  new Hono<Env>()
    .get('/', async (c) => {
      const { limit, after, ...filter } = parse(listQuery, c.req.query())
      const page = await listTraces(db, toFilter(filter), { limit, after })
      return c.json({ object: 'list', data: page.traces.map(traceJson), next_cursor: page.nextCursor })
    })
    .get('/summary', async (c) => {
      const counts = await countTraces(db, toFilter(parse(filterQuery, c.req.query())))
      return c.json({
        requests: counts.requests,
        errors: counts.errors,
        aborted: counts.aborted,
        prompt_tokens: counts.promptTokens,
        completion_tokens: counts.completionTokens,
        cost_usd: counts.costUsd,
      })
    })
    .get('/:id', async (c) => {
      const trace = await findTrace(db, c.req.param('id'), null)
      if (!trace) throw new AppError('not_found', `there is no trace ${c.req.param('id')}; new ones appear within a second`)
      return c.json({ ...traceJson(trace), payload: trace.payload })
    })

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional()

const filterQuery = z.strictObject({
  tenant: z.string().optional(),
  route: z.string().optional(),
  variant: z.string().optional(),
  variant_hash: z.string().optional(),
  arm: z.enum(['candidate', 'control']).optional(),
  rule: z.string().optional(),
  escalated: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  model: z.string().optional(),
  error_code: z.string().optional(),
  status: z.enum(['ok', 'error', 'aborted']).optional(),
  purpose: z.enum(['live', 'shadow', 'eval', 'replay']).optional(),
  from: time,
  to: time,
})
const listQuery = filterQuery.extend({ limit: z.coerce.number().int().min(1).max(1000).default(50), after: z.string().optional() })

const toFilter = ({ variant_hash, error_code, from, to, ...same }: z.output<typeof filterQuery>): TraceFilter => ({
  ...same,
  variantHash: variant_hash,
  errorCode: error_code,
  fromMs: from,
  toMs: to,
})

const traceJson = (trace: Omit<Trace, 'payload'>) => ({
  id: trace.id,
  started_at: new Date(trace.startedAtMs).toISOString(),
  endpoint: trace.endpoint,
  status: trace.status,
  error_code: trace.errorCode,
  tenant: trace.tenant,
  key_id: trace.keyId,
  route: trace.route,
  variant: trace.variant,
  variant_hash: trace.variantHash,
  arm: trace.arm,
  rule: trace.rule,
  escalation: trace.escalation && {
    from: trace.escalation.from,
    reason: trace.escalation.reason,
    cost_usd: trace.escalation.costUsd,
    upstream_ms: trace.escalation.upstreamMs,
  },
  model: trace.model,
  upstream_model: trace.upstreamModel,
  subject: trace.subject,
  stream: trace.stream,
  finish_reason: trace.finishReason,
  prompt_tokens: trace.promptTokens,
  completion_tokens: trace.completionTokens,
  cached_tokens: trace.cachedTokens,
  cost_usd: trace.costUsd,
  cache: trace.cache,
  latency_ms: trace.latencyMs,
  first_token_ms: trace.firstTokenMs,
  queue_ms: trace.queueMs,
  upstream_ms: trace.upstreamMs,
  attempts: trace.attempts,
  fell_back_from: trace.fellBackFrom,
  metadata: trace.metadata,
  purpose: trace.purpose,
  guardrails: trace.guardrails,
})

export type TraceJson = ReturnType<typeof traceJson>
