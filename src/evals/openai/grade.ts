import { z } from 'zod'
import { AppError } from '../../lib/errors.ts'
import type { ChatModel, Usage } from '../../models/chat-model.ts'
import { fillText } from '../fill.ts'
import { createJudge } from '../judge.ts'
import { JudgeFailed, type ScoreContext, type Scorer } from '../scorer.ts'
import { bleu, gleu, levenshtein, rougeL, rougeN } from '../scorers/overlap.ts'
import { similar } from '../scorers/similar.ts'
import { blank } from '../target.ts'
import { fillMessages, type Namespaces } from './template.ts'
import type { TestingCriterion } from './wire.ts'

export type GradeDeps = {
  /** Along the path of every request, in the name of whoever started the run. */
  judgeOf: (model: string) => ChatModel
  embed: ScoreContext['embed']
  tenant: string
  /** Hears what a model read and wrote. */
  used: (model: string, usage: Usage) => void
  signal: AbortSignal
}

/** `sample`: what a model said on the way to its verdict. */
export type Grade = { name: string; type: string; passed: boolean; score: number; sample?: { output: string } }

/** What one criterion makes of one row. Throws for a template that names what is not there, and for a model that gives no verdict. */
export const grade = async (criterion: TestingCriterion, names: Namespaces, deps: GradeDeps): Promise<Grade> => {
  const { name, type } = criterion
  switch (criterion.type) {
    case 'string_check': {
      const passed = checks[criterion.operation](fillText(criterion.input, names), fillText(criterion.reference, names))
      return { name, type, passed, score: passed ? 1 : 0 }
    }
    case 'text_similarity': {
      const score = await similarity(
        criterion.evaluation_metric,
        fillText(criterion.input, names),
        fillText(criterion.reference, names),
        deps,
      )
      return { name, type, passed: score >= criterion.pass_threshold, score }
    }
    case 'label_model': {
      const answer = z.object({ reason: z.string(), label: z.enum(criterion.labels) })
      const ask = `Choose one label: ${criterion.labels.map((label) => JSON.stringify(label)).join(', ')}. {"reason": one sentence, "label": the label}`
      const said = await asked(criterion, names, deps, ask, answer)
      const passed = criterion.passing_labels.includes(said.label)
      return { name, type, passed, score: passed ? 1 : 0, sample: { output: JSON.stringify(said) } }
    }
    case 'score_model': {
      const [low, high] = criterion.range
      const answer = z.object({ reason: z.string(), score: z.number().min(low).max(high) })
      const said = await asked(
        criterion,
        names,
        deps,
        `Give a number from ${low} to ${high}. {"reason": one sentence, "score": the number}`,
        answer,
      )
      return {
        name,
        type,
        passed: said.score >= (criterion.pass_threshold ?? high),
        score: said.score,
        sample: { output: JSON.stringify(said) },
      }
    }
  }
}

type Operation = Extract<TestingCriterion, { type: 'string_check' }>['operation']

const checks: Record<Operation, (input: string, reference: string) => boolean> = {
  eq: (input, reference) => input === reference,
  ne: (input, reference) => input !== reference,
  like: (input, reference) => input.includes(reference),
  ilike: (input, reference) => input.toLowerCase().includes(reference.toLowerCase()),
}

type Metric = Extract<TestingCriterion, { type: 'text_similarity' }>['evaluation_metric']

const similarity = async (metric: Metric, input: string, reference: string, deps: GradeDeps): Promise<number> => {
  const measured = async (scorer: Scorer, text: string, value: string, config = {}) => {
    const { score, reason } = await scorer.score(
      { ...blank, text },
      { type: scorer.type, value, threshold: undefined, config },
      { input: '', variables: {}, expected: undefined, tools: [], judge: undefined, classify: undefined, load: undefined, ...deps },
    )
    if (score === null) throw new AppError('invalid_request', reason)
    return score
  }
  if (metric !== 'cosine' && Math.max(input.length, reference.length) > longestCompared)
    throw new AppError('invalid_request', `${metric} compares texts of at most ${longestCompared} characters`)
  switch (metric) {
    case 'cosine':
      return measured(similar, input, reference)
    case 'fuzzy_match':
      return measured(levenshtein, input, reference)
    case 'bleu':
      return measured(bleu, input, reference)
    case 'gleu':
      return measured(gleu, input, reference)
    case 'rouge_l':
      return measured(rougeL, input, reference)
    default: {
      // F-measure; the scorer of suites is the recall.
      const n = Number(metric.slice('rouge_'.length))
      const [recall, precision] = [await measured(rougeN, input, reference, { n }), await measured(rougeN, reference, input, { n })]
      return recall + precision === 0 ? 0 : (2 * recall * precision) / (recall + precision)
    }
  }
}

/** Some take the product of both lengths, on the thread that answers everybody. */
const longestCompared = 20_000

const asked = async <Answer extends z.ZodType>(
  criterion: Extract<TestingCriterion, { model: string }>,
  names: Namespaces,
  deps: GradeDeps,
  instruction: string,
  answer: Answer,
): Promise<z.output<Answer>> => {
  const messages = fillMessages(criterion.input, names)
  const system = messages.filter(({ role }) => role === 'system' || role === 'developer').map(({ content }) => content)
  const others = messages.filter(({ role }) => role !== 'system' && role !== 'developer')
  const lines = others.map(({ role, content }) => (others.length === 1 ? content : `${role}: ${content}`))
  const judge = createJudge({
    model: deps.judgeOf(criterion.model),
    tenant: deps.tenant,
    spent: (usage) => deps.used(criterion.model, usage),
    sampling: samplingOf(criterion),
    signal: deps.signal,
  })
  const schema = z.toJSONSchema(answer) as Record<string, unknown>
  const said = answer.safeParse(
    await judge({
      system: [...system, `Answer with JSON only. ${instruction}`].join('\n\n'),
      user: lines.join('\n\n') || instruction,
      schema,
    }),
  )
  if (said.success) return said.data
  throw new JudgeFailed(`the model's verdict has another shape: ${said.error.issues[0]?.message}`)
}

const samplingOf = (criterion: Extract<TestingCriterion, { model: string }>) => {
  if (criterion.type !== 'score_model' || criterion.sampling_params === undefined) return undefined
  const { max_completions_tokens, seed, temperature, top_p } = criterion.sampling_params
  return {
    ...(max_completions_tokens ? { maxTokens: max_completions_tokens } : {}),
    ...(seed ? { seed } : {}),
    ...(temperature === null || temperature === undefined ? {} : { temperature }),
    ...(top_p ? { topP: top_p } : {}),
  }
}
