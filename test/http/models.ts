import { AppError } from '../../src/lib/errors.ts'
import type { ChatCapabilities, ChatEvent, ChatModel, ChatRequest } from '../../src/models/chat-model.ts'
import type { Embedder } from '../../src/models/embedder.ts'

export const everything: ChatCapabilities = {
  contextTokens: 1000,
  tools: true,
  jsonSchema: true,
  jsonObject: true,
  oneOf: true,
  logprobs: true,
  choices: 4,
  seed: true,
  penalties: true,
  logitBias: true,
  images: true,
  completion: { echo: true, suffix: true },
}

type Script = (request: ChatRequest) => AsyncIterable<ChatEvent> | Iterable<ChatEvent>

/** A model that says what the test wrote, and remembers what it was asked. */
export const scripted = (script: Script, capabilities: Partial<ChatCapabilities> = {}, id = 'echo') => {
  const asked: ChatRequest[] = []
  const model: ChatModel & { asked: ChatRequest[] } = {
    id,
    asked,
    capabilities: { ...everything, ...capabilities },
    async *stream(request) {
      asked.push(request)
      yield* script(request)
    },
  }
  return model
}

export const text = (words: string, choice = 0): ChatEvent => ({ type: 'text-delta', choice, text: words })
export const finish = (choice = 0): ChatEvent => ({ type: 'finish', choice, reason: 'stop' })
export const usage = (promptTokens = 5, completionTokens = 2, cachedTokens = 3): ChatEvent => ({
  type: 'usage',
  usage: { promptTokens, completionTokens, cachedTokens },
})

/** Says the last message back in two pieces, in every choice. */
export const echo = (capabilities: Partial<ChatCapabilities> = {}) =>
  scripted(function* ({ input, n = 1 }) {
    const said = input.kind === 'text' ? input.prompt : String(input.messages.at(-1)?.content ?? '')
    for (let choice = 0; choice < n; choice += 1) {
      yield text(said.slice(0, 2), choice)
      yield text(said.slice(2), choice)
      yield finish(choice)
    }
    yield usage()
  }, capabilities)

/** Speaks a word, then waits until the caller leaves. `left` resolves at that moment. */
export const endless = () => {
  const left = Promise.withResolvers<number>()
  const model = scripted(async function* ({ signal }) {
    yield text('once')
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    left.resolve(performance.now())
    throw new AppError('aborted', 'told to stop')
  })
  return { model, left: left.promise }
}

/** `[length of the text, its position, 1]`. */
export const lengths = (): Embedder => ({
  id: 'lengths',
  dimensions: 3,
  maxTokens: 100,
  embed: async ({ texts, dimensions = 3 }) => {
    if (dimensions > 3) throw new AppError('invalid_request', 'this model has 3 dimensions', { param: 'dimensions' })
    if (texts.some((item) => item.length > 100)) throw new AppError('context_length_exceeded', 'a text is too long', { param: 'input' })
    return { vectors: texts.map((item, index) => Float32Array.of(item.length, index, 1).slice(0, dimensions)), tokens: texts.length }
  },
  countTokens: async (texts) => texts.map((item) => item.length),
})
