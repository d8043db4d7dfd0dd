import { Hono } from 'hono'
import type { Database } from '../../src/db/database.ts'
import { createFeedback } from '../../src/feedback/feedback.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import type { Env } from '../../src/http/context.ts'
import { errorResponse } from '../../src/http/errors.ts'
import { feedbackRoutes } from '../../src/http/routes/feedback.ts'
import type { Clock } from '../../src/lib/clock.ts'

const number = { direction: 'increase', role: 'report' } as const

export const declared: Metrics = {
  solved: { ...number, type: 'boolean', level: 'inference', aggregation: 'last' },
  rating: { ...number, type: 'float', level: 'inference', aggregation: 'mean', minimum: 1, maximum: 5 },
  retention_7: { ...number, type: 'boolean', level: 'subject', aggregation: 'last' },
  revenue: { ...number, type: 'event', level: 'subject', aggregation: 'sum' },
  purchase: { ...number, type: 'event', level: 'subject', aggregation: 'count' },
  intent: { type: 'label', labels: ['refund', 'other'], positive: 'refund' },
}

/** The feedback API of one tenant; errors are answered as the server answers them. */
export const feedbackApp = (options: { db: Database; tenant?: string; clock?: Clock; metrics?: Metrics }): Hono<Env> => {
  const { db, tenant = 'default', clock = Date.now, metrics = declared } = options
  const app = new Hono<Env>()
  app.use(async (c, next) => {
    c.set('principal', { keyId: 'k', tenant, scopes: ['inference'] })
    await next()
  })
  app.route(
    '/v1/feedback',
    feedbackRoutes({ feedback: createFeedback({ db, metrics: () => metrics, clock }), maxBodyBytes: () => 4 << 20 }),
  )
  app.onError((thrown) => errorResponse(thrown, 'test'))
  return app
}

export const post = async (app: Hono<Env>, body: unknown, path = '/v1/feedback') => {
  const response = await app.request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}
