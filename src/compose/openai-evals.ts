import type { Hono } from 'hono'
import type { Answer, AnswerRequest } from '../answer/request.ts'
import type { Database } from '../db/database.ts'
import { readRows } from '../evals/openai/rows.ts'
import { createRunner } from '../evals/openai/runner.ts'
import type { Env } from '../http/context.ts'
import { openAiEvalRoutes } from '../http/openai-evals.ts'
import type { Clock } from '../lib/clock.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Live } from './live-config.ts'

type Parts = {
  db: Database
  clock: Clock
  live: () => Live
  /** With the limits and budgets of whoever asks. */
  answer: (request: AnswerRequest) => Answer
  log: Logger
}

/** OpenAI's evals API, and who works on its runs. */
export const createOpenAiEvals = ({
  db,
  clock,
  live,
  answer,
  log,
}: Parts): { mounts: Record<string, Hono<Env>>; start(): void; close(): Promise<void> } => {
  const onlyEmbedder = () => {
    const { embedders } = live().models
    return embedders.size === 1 ? [...embedders.values()][0] : undefined
  }
  const runner = createRunner({
    db,
    clock,
    answer,
    chatModelOf: (id) => chatModel(live(), id),
    embedFor: (tenant, signal) => {
      const embedder = onlyEmbedder()
      return embedder && (async (texts) => (await embedder.embed({ texts, tenant, requestId: uuidv7(), signal })).vectors)
    },
    rowsOf: ({ tenant, dataSource }) => readRows(db, tenant, dataSource),
    onError: (error) => log.warn({ err: error }, 'a run of an eval failed'),
    tickMs: 5_000,
  })
  return {
    mounts: {
      '/v1/evals': openAiEvalRoutes({
        db,
        clock,
        answers: (name) => chatModel(live(), name) !== undefined,
        embeds: () => onlyEmbedder() !== undefined,
        kick: runner.kick,
      }),
    },
    start: runner.start,
    close: runner.close,
  }
}

/** Of the variant that a route gives most subjects: what it can do is what the route can. */
const chatModel = ({ serving }: Live, name: string) => {
  const variants = serving.routes.get(name)?.variants ?? []
  const heaviest = [...variants].sort((left, right) => right.weightPercent - left.weightPercent)[0]
  return heaviest && serving.modelOf(heaviest)
}
