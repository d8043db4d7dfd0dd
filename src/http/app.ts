import { Hono, type MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type {
  Answer,
  AnswerRequest,
  ClassificationAnswer,
  ClassificationRequest,
  EmbeddingAnswer,
  EmbeddingRequest,
} from '../answer/request.ts'
import { type Clock, stopwatch } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Authentication, requireKey } from './auth.ts'
import type { Env } from './context.ts'
import { cors } from './cors.ts'
import { errorResponse, logFailure } from './errors.ts'
import type { InFlight } from './in-flight.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'
import { chatCompletions } from './routes/chat-completions.ts'
import { classification } from './routes/classify.ts'
import { completions } from './routes/completions.ts'
import { embeddings } from './routes/embeddings.ts'
import { healthz, type Readiness, readyz } from './routes/health.ts'
import { getModel, listModels, type ModelListing } from './routes/models.ts'
import { moderations } from './routes/moderations.ts'

export type AppDeps = Authentication & {
  answer: (request: AnswerRequest) => Answer
  embed: (request: EmbeddingRequest) => Promise<EmbeddingAnswer>
  classify: (request: ClassificationRequest) => Promise<ClassificationAnswer>
  /** Classifiers that moderate: from which probability on each label is flagged. */
  moderators: () => ReadonlyMap<string, Readonly<Record<string, number>>>
  models: () => ModelListing[]
  readiness: () => Readiness
  inFlight: InFlight
  metrics: Metrics
  log: Logger
  clock: Clock
  maxBodyBytes: () => number
  /** More routes, by the path they are mounted at; they stand behind the same authentication. */
  mounts?: Readonly<Record<string, Hono<Env>>> | undefined
}

/** Every route of the server. Wires only: `serve` listens. */
export const createApp = (deps: AppDeps): Hono<Env> => {
  const app = new Hono<Env>()
  app.use(arrival(deps))
  app.use(cors(deps))
  app.use(requireKey(deps))

  app.get('/healthz', healthz)
  app.get('/readyz', readyz(deps))
  app.get('/metrics', async () => new Response(await deps.metrics.text(), { headers: { 'content-type': deps.metrics.contentType } }))
  app.post('/v1/chat/completions', chatCompletions(deps))
  app.post('/v1/completions', completions(deps))
  app.post('/v1/embeddings', embeddings(deps))
  app.post('/v1/classify', classification(deps))
  app.post('/v1/moderations', moderations(deps))
  app.get('/v1/models', listModels(deps.models))
  app.get('/v1/models/:id{.+}', getModel(deps.models))
  for (const [path, routes] of Object.entries(deps.mounts ?? {})) app.route(path, routes)

  app.notFound((c) => errorResponse(new AppError('not_found', `there is no ${c.req.method} ${c.req.path}`), c.get('requestId')))
  app.onError((thrown, c) => {
    logFailure(deps.log, thrown, c.get('requestId'))
    return errorResponse(thrown, c.get('requestId'))
  })
  return app
}

/** Gives every request its id and its clock, and counts how it was answered. A client's own id is echoed under another name. */
const arrival = ({ clock, metrics }: AppDeps): MiddlewareHandler<Env> =>
  async function arrival(c, next) {
    c.set('requestId', uuidv7())
    c.set('startedAtMs', clock())
    c.set('elapsedMs', stopwatch())
    await next()
    const clientId = c.req.header('x-request-id')
    if (clientId !== undefined && clientId.length <= 256) c.res.headers.set('x-client-request-id', clientId)
    for (const [name, value] of rateLimitHeaders(c.get('rateLimits') ?? {})) c.res.headers.set(name, value)
    metrics.responded(routePath(c, -1), c.res.status)
  }
