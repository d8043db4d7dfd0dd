import type { Answer, AnswerRequest } from '../../answer/request.ts'
import type { Clock } from '../../lib/clock.ts'
import { AppError, toAppError } from '../../lib/errors.ts'
import { pause } from '../../lib/pause.ts'
import { storableJson } from '../../lib/storable-json.ts'
import type { ChatModel, Usage } from '../../models/chat-model.ts'
import { JudgeFailed, type ScoreContext } from '../scorer.ts'
import { asJudge } from '../scoring-models.ts'
import { type Grade, grade } from './grade.ts'
import { type Sampled, sample } from './sample.ts'
import { type ModelUsage, newEvalId, type OpenAiRun, type OutputItem } from './store.ts'
import type { Row, TestingCriterion } from './wire.ts'

export type RowDeps = {
  clock: Clock
  /** The path of every request, with limits and budgets. */
  answer: (request: AnswerRequest) => Answer
  chatModelOf: (id: string) => ChatModel | undefined
  /** Of the one embedder that is configured. */
  embedFor: (tenant: string, signal: AbortSignal) => ScoreContext['embed']
}

const rowTimeoutMs = 300_000

/** Asks about one row where the run samples, and grades the answer by every criterion. Throws only when `stop` was aborted. */
export const gradeRow = async (
  options: RowDeps,
  run: OpenAiRun,
  criteria: readonly TestingCriterion[],
  { row, position }: { row: Row; position: number },
  stop: AbortSignal,
): Promise<OutputItem> => {
  const { answer, chatModelOf, embedFor, clock } = options
  const { principal, tenant, dataSource: source } = run
  const signal = AbortSignal.any([stop, AbortSignal.timeout(rowTimeoutMs)])
  const usage = new Map<string, ModelUsage>()
  const used = (model: string, read: Usage) => addUsage(usage, model, read)
  const judgeOf = (id: string): ChatModel => {
    const model = chatModelOf(id)
    if (model === undefined) throw new AppError('model_not_found', `there is no model '${id}'`)
    return asJudge(id, model, answer, clock, principal)
  }
  const results: (Grade & { error?: string })[] = []
  let said: Sampled | undefined
  let failure: { code: string; message: string } | null = null
  try {
    if (source.type !== 'jsonl')
      said = await patiently(signal, () => sample(source, row, { answer, clock, principal, runId: run.id, used, signal }))
    const names = { item: row.item, sample: said?.namespace ?? row.sample }
    const deps = { judgeOf, embed: embedFor(tenant, signal), tenant, used, signal }
    for (const criterion of criteria) {
      const result = await patiently(signal, () => grade(criterion, names, deps)).catch((error: unknown) => {
        stop.throwIfAborted()
        return { name: criterion.name, type: criterion.type, passed: false, score: 0, error: faultOf(error).message }
      })
      results.push(result)
    }
  } catch (error) {
    stop.throwIfAborted()
    failure = faultOf(error)
  }
  const wrong = failure !== null || results.some(({ error }) => error !== undefined)
  const status = wrong ? 'error' : results.every(({ passed }) => passed) ? 'pass' : 'fail'
  const item: OutputItem = {
    id: newEvalId('item'),
    runId: run.id,
    position,
    item: row.item,
    status,
    results,
    sample: sampleJson(run, row, said, failure),
    usage: [...usage.values()],
    createdAtMs: clock(),
  }
  return { ...(JSON.parse(storableJson(JSON.stringify(item))) as OutputItem) }
}

/** A tenant's own limits make a run slower, and do not break it. */
const patiently = async <Value>(signal: AbortSignal, act: () => Promise<Value>): Promise<Value> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await act()
    } catch (error) {
      const waits = error instanceof AppError && (error.code === 'rate_limited' || error.code === 'queue_full')
      if (!waits || attempt >= 8) throw error
      await pause(Math.min(error.retryAfterMs ?? 500 * 2 ** attempt, 30_000), signal)
    }
  }
}

const faultOf = (error: unknown): { code: string; message: string } => {
  if (error instanceof JudgeFailed) return { code: 'grader_failed', message: error.message }
  const { code, message } = toAppError(error)
  return { code, message }
}

const addUsage = (usage: Map<string, ModelUsage>, model: string, { promptTokens, completionTokens, cachedTokens }: Usage): void => {
  const before = usage.get(model)
  usage.set(model, {
    model_name: model,
    invocation_count: (before?.invocation_count ?? 0) + 1,
    prompt_tokens: (before?.prompt_tokens ?? 0) + promptTokens,
    completion_tokens: (before?.completion_tokens ?? 0) + completionTokens,
    cached_tokens: (before?.cached_tokens ?? 0) + cachedTokens,
    total_tokens: (before?.total_tokens ?? 0) + promptTokens + completionTokens,
  })
}

/** What the API tells of the answer; of recorded ones, what was sent. */
const sampleJson = ({ dataSource }: OpenAiRun, row: Row, said: Sampled | undefined, error: { code: string; message: string } | null) => {
  const params = dataSource.type === 'jsonl' ? undefined : dataSource.sampling_params
  const recorded = row.sample?.output_text
  const { promptTokens = 0, completionTokens = 0, cachedTokens = 0 } = said?.told.usage ?? {}
  return {
    input: said?.told.input ?? [],
    output: said?.told.output ?? (typeof recorded === 'string' ? [{ role: 'assistant', content: recorded }] : []),
    finish_reason: said?.told.finish_reason ?? '',
    model: said?.told.model ?? '',
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      cached_tokens: cachedTokens,
      total_tokens: promptTokens + completionTokens,
    },
    error,
    temperature: params?.temperature ?? null,
    top_p: params?.top_p ?? null,
    seed: params?.seed ?? null,
    max_completion_tokens: params?.max_completion_tokens ?? null,
  }
}
