import type { EmbeddingAnswer, EmbeddingRequest } from '../../answer/request.ts'
import { readJson } from '../body.ts'
import type { EdgeContext } from '../context.ts'
import { beginWork, type InFlight } from '../in-flight.ts'
import { answerHeaders } from '../respond.ts'
import { toRouteRequest } from '../route-request.ts'
import { embeddingBody } from '../schemas/embedding.ts'
import { parse } from '../schemas/parse.ts'

export type EmbeddingDeps = {
  embed: (request: EmbeddingRequest) => Promise<EmbeddingAnswer>
  inFlight: InFlight
  maxBodyBytes: () => number
}

/** `POST /v1/embeddings`. */
export const embeddings = ({ embed, inFlight, maxBodyBytes }: EmbeddingDeps) =>
  async function embeddings(c: EdgeContext): Promise<Response> {
    const body = parse(embeddingBody, await readJson(c.req.raw, maxBodyBytes()))
    const request = toRouteRequest(c, body)
    const work = beginWork(inFlight, c)
    try {
      const { vectors, trace } = await embed({
        ...request,
        signal: work.signal,
        texts: typeof body.input === 'string' ? [body.input] : body.input,
        dimensions: body.dimensions ?? undefined,
      })
      const encode = body.encoding_format === 'base64' ? base64 : numbers
      const json = JSON.stringify({
        object: 'list',
        data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
        model: body.model,
        usage: { prompt_tokens: trace.promptTokens, total_tokens: trace.promptTokens },
      })
      return new Response(json, { headers: answerHeaders(trace, 'application/json') })
    } finally {
      work.done()
    }
  }

const numbers = (vector: Float32Array): number[] => Array.from(vector)

/** Little-endian float32, which is what every machine we run on has in memory. */
const base64 = (vector: Float32Array): string => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
