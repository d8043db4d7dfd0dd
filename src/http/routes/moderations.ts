import { z } from 'zod'
import { AppError } from '../../lib/errors.ts'
import { readJson } from '../body.ts'
import type { EdgeContext } from '../context.ts'
import { beginWork } from '../in-flight.ts'
import { answerHeaders } from '../respond.ts'
import { toRouteRequest } from '../route-request.ts'
import { parse } from '../schemas/parse.ts'
import { type ClassifyingDeps, texts } from './classify.ts'

export type ModeratingDeps = ClassifyingDeps & {
  /** Classifiers that moderate: from which probability on each label is flagged. */
  moderators: () => ReadonlyMap<string, Readonly<Record<string, number>>>
}

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
  z.looseObject({ type: z.literal('image_url') }),
])
const body = z.strictObject({ model: z.string().min(1).optional(), input: z.union([texts, z.array(part).min(1).max(2048)]) })

/** `POST /v1/moderations`: categories are the labels that the classifier's `moderation` names. The first such classifier by default. */
export const moderations = ({ classify, inFlight, maxBodyBytes, moderators }: ModeratingDeps) =>
  async function moderations(c: EdgeContext): Promise<Response> {
    const asked = parse(body, await readJson(c.req.raw, maxBodyBytes()))
    const { model, thresholds } = moderatorFor(asked.model, moderators())
    const request = toRouteRequest(c, { model })
    const input = toTexts(asked.input)
    const work = beginWork(inFlight, c)
    try {
      const { results, trace } = await classify({ ...request, signal: work.signal, texts: input })
      const json = JSON.stringify({
        id: `modr-${trace.id}`,
        model,
        results: results.map((scores) => {
          const scoreOf = (label: string) => scores.find((score) => score.label === label)?.score ?? 0
          const entries = Object.entries(thresholds).map(([label, threshold]) => ({ label, score: scoreOf(label), threshold }))
          return {
            flagged: entries.some(({ score, threshold }) => score >= threshold),
            categories: Object.fromEntries(entries.map(({ label, score, threshold }) => [label, score >= threshold])),
            category_scores: Object.fromEntries(entries.map(({ label, score }) => [label, score])),
            category_applied_input_types: Object.fromEntries(entries.map(({ label }) => [label, ['text']])),
          }
        }),
      })
      return new Response(json, { headers: answerHeaders(trace, 'application/json') })
    } finally {
      work.done()
    }
  }

/** The SDKs name OpenAI's own models by default; those mean whatever moderates here. */
const moderatorFor = (asked: string | undefined, moderators: ReturnType<ModeratingDeps['moderators']>) => {
  const model = asked === undefined || /^(omni|text)-moderation/.test(asked) ? [...moderators.keys()][0] : asked
  if (model === undefined)
    throw new AppError('model_not_found', 'no classifier moderates: give one `moderation` in weir.yaml', { param: 'model' })
  const thresholds = moderators.get(model)
  if (thresholds === undefined)
    throw new AppError('model_not_found', `'${model}' does not moderate: ${known(moderators)}`, { param: 'model' })
  return { model, thresholds }
}

const known = (moderators: ReturnType<ModeratingDeps['moderators']>): string =>
  moderators.size === 0 ? 'no classifier has `moderation` in weir.yaml' : `these do: ${[...moderators.keys()].join(', ')}`

const toTexts = (input: z.infer<typeof body>['input']): string[] => {
  if (typeof input === 'string') return [input]
  return input.map((item, index) => {
    if (typeof item === 'string') return item
    if (item.type === 'text') return item.text
    throw new AppError('unsupported_parameter', 'images cannot be moderated here', { param: `input[${index}]` })
  })
}
