import type { Answer, AnswerRequest } from '../../answer/request.ts'
import { uuidv7 } from '../../lib/ids.ts'
import { readJson } from '../body.ts'
import { completionFrames, completionJson } from '../completion-frames.ts'
import type { EdgeContext } from '../context.ts'
import { beginWork } from '../in-flight.ts'
import { inTurn } from '../in-turn.ts'
import { respondStream, respondWhole } from '../respond.ts'
import { toRouteRequest } from '../route-request.ts'
import { completionBody, toCompletions } from '../schemas/completion.ts'
import { parse } from '../schemas/parse.ts'
import { toPromptChoice } from '../schemas/weir.ts'
import type { AnsweringDeps } from './chat-completions.ts'

/** `POST /v1/completions`. Several prompts are as many answers, each with a trace of its own; the first has the request's id. */
export const completions = ({ answer, inFlight, maxBodyBytes, log }: AnsweringDeps) =>
  async function completions(c: EdgeContext): Promise<Response> {
    const body = parse(completionBody, await readJson(c.req.raw, maxBodyBytes()))
    const chats = toCompletions(body, c.req.header('cache-control'))
    const request = toRouteRequest(c, body)
    const work = beginWork(inFlight, c)
    const ask = (chat: AnswerRequest['chat'], index: number): Answer =>
      answer({
        ...request,
        ...(index === 0 ? {} : { id: uuidv7(), metadata: { ...request.metadata, request_id: request.id } }),
        ...toPromptChoice(body.weir),
        signal: work.signal,
        endpoint: 'completion',
        stream: chat.incremental,
        chat,
      })
    const answered = inTurn(
      chats.map((chat, index) => () => ask(chat, index)),
      body.n ?? 1,
    )
    if (!body.stream) return respondWhole({ answer: answered, toJson: completionJson, work })
    const includeUsage = body.stream_options?.include_usage ?? false
    return respondStream({ answer: answered, makeFrames: (trace) => completionFrames(trace, includeUsage), work, log })
  }
