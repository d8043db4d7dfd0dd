import type { Answer, AnswerRequest } from '../../answer/request.ts'
import type { Logger } from '../../telemetry/log.ts'
import { readJson } from '../body.ts'
import { chatFrames, chatJson } from '../chat-frames.ts'
import type { EdgeContext } from '../context.ts'
import { beginWork, type InFlight } from '../in-flight.ts'
import { respondStream, respondWhole } from '../respond.ts'
import { toRouteRequest } from '../route-request.ts'
import { chatBody, toChat } from '../schemas/chat.ts'
import { parse } from '../schemas/parse.ts'
import { toPromptChoice } from '../schemas/weir.ts'

export type AnsweringDeps = { answer: (request: AnswerRequest) => Answer; inFlight: InFlight; maxBodyBytes: () => number; log: Logger }

/** `POST /v1/chat/completions`. */
export const chatCompletions = ({ answer, inFlight, maxBodyBytes, log }: AnsweringDeps) =>
  async function chatCompletions(c: EdgeContext): Promise<Response> {
    const body = parse(chatBody, await readJson(c.req.raw, maxBodyBytes()))
    const chat = toChat(body, c.req.header('cache-control'))
    const request = toRouteRequest(c, body)
    const work = beginWork(inFlight, c)
    const answered = answer({
      ...request,
      ...toPromptChoice(body.weir),
      signal: work.signal,
      endpoint: 'chat',
      stream: chat.incremental,
      chat,
    })
    if (!chat.incremental) return respondWhole({ answer: answered, toJson: chatJson, work })
    const includeUsage = body.stream_options?.include_usage ?? false
    return respondStream({ answer: answered, makeFrames: (trace) => chatFrames(trace, includeUsage), work, log })
  }
