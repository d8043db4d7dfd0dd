import type { Script } from '../support/faulty-upstream.ts'

type Block =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string }
  | { type: 'tool_use'; id: string; name: string; input: object }

const inputUsage = { input_tokens: 5, cache_read_input_tokens: 3, cache_creation_input_tokens: 2, output_tokens: 1 }

export const refuses = (type: string, text: string) => ({ type: 'error', error: { type, message: text } })

export const startOf = (usage: object = inputUsage) => ({
  type: 'message_start',
  message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-mock', content: [], stop_reason: null, usage },
})

/** A message of these blocks: streamed in small pieces or whole, as asked. */
export const message =
  (blocks: Block[], stopReason: string, outputTokens = 4): Script =>
  async ({ request, stream, event, json, response }) => {
    if (request.body.stream !== true) {
      const usage = { ...inputUsage, output_tokens: outputTokens }
      return json({
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-mock',
        content: blocks,
        stop_reason: stopReason,
        usage,
      })
    }
    const named = (value: { type: string }) => event(value, value.type)
    stream()
    await named(startOf())
    await named({ type: 'ping' })
    for (const [index, block] of blocks.entries()) {
      await named({ type: 'content_block_start', index, content_block: opened(block) } as { type: string })
      for (const delta of deltas(block)) await named({ type: 'content_block_delta', index, delta } as { type: string })
      await named({ type: 'content_block_stop', index } as { type: string })
    }
    await named({ type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: outputTokens } } as { type: string })
    await named({ type: 'message_stop' })
    response.end()
  }

/** Words up to the caller's `max_tokens`, one token each. */
export const writes =
  (...words: string[]): Script =>
  (exchange) => {
    const most = exchange.request.body.max_tokens as number
    const said = words.slice(0, most)
    return message([{ type: 'text', text: said.join('') }], said.length < words.length ? 'max_tokens' : 'end_turn', said.length)(exchange)
  }

export const saysSlowly =
  (everyMs: number): Script =>
  async ({ stream, event, response }) => {
    stream()
    await event(startOf())
    await event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
    while (!response.destroyed) {
      await event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'word ' } })
      await Bun.sleep(everyMs)
    }
  }

const opened = (block: Block): object => {
  if (block.type === 'text') return { type: 'text', text: '' }
  return block.type === 'thinking' ? { type: 'thinking', thinking: '' } : { ...block, input: {} }
}

const deltas = (block: Block): object[] => {
  if (block.type === 'text') return halves(block.text).map((text) => ({ type: 'text_delta', text }))
  if (block.type === 'thinking')
    return [
      { type: 'thinking_delta', thinking: block.thinking },
      { type: 'signature_delta', signature: 'x' },
    ]
  return halves(JSON.stringify(block.input)).map((partial_json) => ({ type: 'input_json_delta', partial_json }))
}

const halves = (text: string) => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)]
