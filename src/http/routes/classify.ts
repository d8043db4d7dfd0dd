import { z } from 'zod'
import type { ClassificationAnswer, ClassificationRequest } from '../../answer/request.ts'
import { readJson } from '../body.ts'
import type { EdgeContext } from '../context.ts'
import { beginWork, type InFlight } from '../in-flight.ts'
import { answerHeaders } from '../respond.ts'
import { toRouteRequest } from '../route-request.ts'
import { parse } from '../schemas/parse.ts'

export type ClassifyingDeps = {
  classify: (request: ClassificationRequest) => Promise<ClassificationAnswer>
  inFlight: InFlight
  maxBodyBytes: () => number
}

/** One text, or up to 2,048 at a time. */
export const texts = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2048)])

const body = z.strictObject({ model: z.string().min(1), input: texts, user: z.string().optional() })

/** `POST /v1/classify` in the shape of vLLM: for each text the likeliest label and the probabilities in the order of the model's labels. */
export const classification = ({ classify, inFlight, maxBodyBytes }: ClassifyingDeps) =>
  async function classification(c: EdgeContext): Promise<Response> {
    const asked = parse(body, await readJson(c.req.raw, maxBodyBytes()))
    const request = toRouteRequest(c, asked)
    const work = beginWork(inFlight, c)
    try {
      const input = typeof asked.input === 'string' ? [asked.input] : asked.input
      const { labels, results, trace } = await classify({ ...request, signal: work.signal, texts: input })
      const json = JSON.stringify({
        id: `classify-${trace.id}`,
        object: 'list',
        created: Math.floor(trace.startedAtMs / 1000),
        model: asked.model,
        data: results.map((scores, index) => ({
          index,
          label: scores[0]?.label,
          probs: labels.map((label) => scores.find((score) => score.label === label)?.score ?? 0),
          num_classes: labels.length,
        })),
        usage: { prompt_tokens: trace.promptTokens, total_tokens: trace.promptTokens, completion_tokens: 0 },
      })
      return new Response(json, { headers: answerHeaders(trace, 'application/json') })
    } finally {
      work.done()
    }
  }
