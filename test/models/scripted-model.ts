import type { ChatCapabilities, ChatEvent, ChatModel, ChatRequest, Observation } from '../../src/models/chat-model.ts'

export const everything: ChatCapabilities = {
  contextTokens: undefined,
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

export const requestOf = (changes: Partial<ChatRequest> = {}): ChatRequest => ({
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Say hello' }] },
  sampling: {},
  incremental: true,
  tenant: 'test',
  requestId: '01900000-0000-7000-8000-000000000000',
  signal: new AbortController().signal,
  ...changes,
})

type Step = ChatEvent | Error | { waitMs: number }
type Call = { request: ChatRequest; closed: boolean }

/** A model that plays one script per call, the last one for all that follow, and honours its signal. */
export const scripted = (id: string, ...scripts: Step[][]): ChatModel & { calls: Call[] } => {
  const calls: Call[] = []
  return {
    id,
    capabilities: everything,
    calls,
    async *stream(request) {
      const script = scripts[Math.min(calls.length, scripts.length - 1)] ?? []
      const call = { request, closed: false }
      calls.push(call)
      try {
        for (const step of script) {
          if (step instanceof Error) throw step
          if ('waitMs' in step) await waited(step.waitMs, request.signal)
          else yield step
        }
      } finally {
        call.closed = true
      }
    },
  }
}

const waited = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    const stop = () => {
      clearTimeout(timer)
      reject(new DOMException('aborted', 'AbortError'))
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
  })

export const text = (value: string, choice = 0): ChatEvent => ({ type: 'text-delta', choice, text: value })
export const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }
export const usage: ChatEvent = { type: 'usage', usage: { promptTokens: 3, completionTokens: 1, cachedTokens: 0 } }
export const answer = (value: string): Step[] => [text(value), finish, usage]

export const collect = async (events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> => {
  const list: ChatEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

/** What came before the failure, and the failure. */
export const failing = async (events: AsyncIterable<ChatEvent>): Promise<{ events: ChatEvent[]; error: unknown }> => {
  const list: ChatEvent[] = []
  try {
    for await (const event of events) list.push(event)
  } catch (error) {
    return { events: list, error }
  }
  throw new Error(`it did not fail: ${JSON.stringify(list)}`)
}

export const textOf = (events: ChatEvent[], choice = 0): string =>
  events.map((event) => (event.type === 'text-delta' && event.choice === choice ? event.text : '')).join('')

/** An `observe` and what it saw. */
export const observer = () => {
  const seen: Observation[] = []
  return { seen, observe: (observation: Observation) => void seen.push(observation) }
}
