import type { Answer } from '../answer/request.ts'
import { toAppError } from '../lib/errors.ts'
import type { ChatEvent } from '../models/chat-model.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Trace } from '../traces/trace.ts'
import { errorBody, logFailure } from './errors.ts'
import { eventStream } from './event-stream.ts'
import type { Frames, ToJson } from './frames.ts'
import type { Work } from './in-flight.ts'

/** The whole answer as one JSON body. Throws what the answer throws: nothing has been sent. */
export const respondWhole = async ({ answer, toJson, work }: { answer: Answer; toJson: ToJson; work: Work }): Promise<Response> => {
  try {
    for await (const _ of answer.events);
    return new Response(toJson(answer), {
      headers: answerHeaders(answer.trace, 'application/json', answer),
    })
  } finally {
    work.done()
  }
}

export type Streaming = {
  answer: Answer
  /** Called once the first event is known, because only then is it certain who answers. */
  makeFrames: (trace: Readonly<Trace>) => Frames
  work: Work
  log: Logger
}

/**
 * The answer as server-sent events. Waits for the first event before it commits to 200, so failures until then are thrown and get a status
 * of their own. Later ones are told in an `error` event, after which there is no `[DONE]`: a cut answer never looks finished.
 */
export const respondStream = async ({ answer, makeFrames, work, log }: Streaming): Promise<Response> => {
  let first: IteratorResult<ChatEvent, void>
  try {
    first = await answer.events.next()
  } catch (error) {
    work.done()
    throw error
  }
  const frames = makeFrames(answer.trace)
  const body = eventStream(framesOf(answer, first, frames, work, log), () => {
    work.abort()
    work.done()
  })
  return new Response(body, {
    headers: { ...answerHeaders(answer.trace, 'text/event-stream', answer), 'cache-control': 'no-cache' },
  })
}

const framesOf = async function* (
  answer: Answer,
  first: IteratorResult<ChatEvent, void>,
  frames: Frames,
  work: Work,
  log: Logger,
): AsyncGenerator<string, void, undefined> {
  try {
    let opening = frames.open(answer.choices.length)
    for (let next = first; !next.done; next = await answer.events.next()) {
      const text = opening + frames.event(next.value, answer.choices)
      opening = ''
      if (text !== '') yield text
    }
    yield 'data: [DONE]\n\n'
  } catch (error) {
    logFailure(log, error, answer.trace.id)
    yield `data: ${errorBody(toAppError(error))}\n\n`
  } finally {
    // The reader may have left between two events.
    await answer.events.return()
    work.done()
  }
}

type Further = Pick<Answer, 'cacheAgeS' | 'cacheSimilarity' | 'budgetFallback'>

export const answerHeaders = (
  trace: Readonly<Trace>,
  contentType: string,
  { cacheAgeS, cacheSimilarity, budgetFallback }: Further = {},
): Record<string, string> => {
  const headers: Record<string, string> = { 'content-type': contentType, 'x-request-id': trace.id }
  if (trace.variant !== null) headers['x-weir-variant'] = trace.variant
  if (trace.model !== null) headers['x-weir-model'] = trace.model
  if (trace.cache !== null) headers['x-weir-cache'] = trace.cache
  // The cosine of the two questions: the answer was made for another, which means the same.
  if (cacheSimilarity !== undefined) headers['x-weir-cache-similarity'] = cacheSimilarity.toFixed(4)
  // RFC 9111 §5.1.
  if (cacheAgeS !== undefined) headers.age = String(cacheAgeS)
  // The route that answers in place of the one that was called, whose budget is used up.
  if (budgetFallback !== undefined) headers['x-weir-budget-fallback'] = budgetFallback
  // US dollars. Known once the answer is complete, and only with a price: absent is not zero.
  if (trace.costUsd !== null) headers['x-weir-cost'] = trace.costUsd.toFixed(9)
  return headers
}
