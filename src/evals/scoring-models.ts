import { join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Answer, AnswerRequest } from '../answer/request.ts'
import type { Principal } from '../keys/principal.ts'
import { type Clock, stopwatch } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { ChatModel, Usage } from '../models/chat-model.ts'
import type { Classifier } from '../models/classifier.ts'
import type { Embedder } from '../models/embedder.ts'
import { createJudge } from './judge.ts'
import type { ScoreContext } from './scorer.ts'

export type ModelSources = {
  chatModelOf: (id: string) => ChatModel | undefined
  embedderOf: (id: string) => Embedder | undefined
  classifierOf: (id: string) => Classifier | undefined
  /** US dollars for what a judge read and wrote; null when its price is unknown. */
  judgeCost: (use: { model: string; usage: Usage; upstreamMs: number }) => number | null
  /** Where files of custom scorers may be; nothing outside of it is loaded. */
  folder: string
}

/** What scorers ask, in the name of a tenant: `spent` hears what a judge cost. */
export type ScoringModels = (
  tenant: string,
  spent: (costUsd: number | null) => void,
  signal: AbortSignal,
) => Pick<ScoreContext, 'judge' | 'embed' | 'classify' | 'load'>

/** Throws `model_not_found` for a judge or an embedder that is not configured. */
export const scoringModels = (
  sources: ModelSources,
  named: { judge?: string | undefined; embedder?: string | undefined },
): ScoringModels => {
  const judge = named.judge === undefined ? undefined : required(sources.chatModelOf(named.judge), `the judge '${named.judge}'`)
  const embedder =
    named.embedder === undefined ? undefined : required(sources.embedderOf(named.embedder), `the embedder '${named.embedder}'`)
  const model = named.judge ?? ''
  return (tenant, spent, signal) => ({
    judge:
      judge &&
      createJudge({
        model: judge,
        tenant,
        spent: (usage, upstreamMs) => spent(sources.judgeCost({ model, usage, upstreamMs })),
        signal,
      }),
    embed: embedder && (async (texts) => (await embedder.embed({ texts, tenant, requestId: uuidv7(), signal })).vectors),
    classify: async (id, text) => {
      const classifier = required(sources.classifierOf(id), `the classifier '${id}'`)
      return (await classifier.classify({ texts: [text], signal })).results[0] ?? []
    },
    load: (file) => loadScorer(sources.folder, file),
  })
}

/**
 * A model as judges ask it: along the path of every request, so that each asking leaves a trace with its cost, marked as evaluation and not
 * as traffic.
 */
export const asJudge = (
  id: string,
  model: ChatModel,
  answer: (request: AnswerRequest) => Answer,
  clock: Clock,
  /** Whose limits and budgets it uses; nobody's when absent. */
  asker?: Principal,
): ChatModel => ({
  id: model.id,
  capabilities: model.capabilities,
  stream: ({ tenant, requestId, signal, observe: _, ...chat }) =>
    answer({
      id: requestId,
      startedAtMs: clock(),
      elapsedMs: stopwatch(),
      route: id,
      subject: null,
      pin: null,
      principal: asker ?? { keyId: null, tenant, scopes: ['inference'] },
      metadata: { eval_role: 'judge' },
      purpose: 'eval',
      signal,
      endpoint: 'chat',
      stream: false,
      prompt: null,
      variables: null,
      chat: { ...chat, cache: { mode: 'off' } },
    }).events,
})

const required = <Model>(model: Model | undefined, what: string): Model => {
  if (model === undefined) throw new AppError('model_not_found', `${what} is not configured`)
  return model
}

/** Only what lies in the folder of suites: a suite comes over the API, and must not choose what this server runs. */
const loadScorer = async (folder: string, file: string): Promise<unknown> => {
  const path = resolve(folder, file)
  if (!path.startsWith(`${resolve(folder)}${sep}`)) throw new AppError('permission_denied', `${file} is outside of ${join(folder)}`)
  return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default
}
