import { anthropic } from '../../src/models/providers/anthropic.ts'
import { openAiCompatible } from '../../src/models/providers/openai-compatible.ts'
import { babbles, chunk, type Script, startFaultyUpstream, status, usage } from '../support/faulty-upstream.ts'
import { startMockOpenAI } from '../support/mock-openai.ts'
import { message, refuses, saysSlowly, writes } from './anthropic-script.ts'
import { describeChatModel, type Situation } from './chat-model.contract.ts'

const toolCall: Script = async ({ request, stream, delta, event, json, response }) => {
  const call = (args: string) => ({
    tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: args } }],
  })
  if (request.body.stream !== true) {
    return json({
      choices: [{ index: 0, message: { role: 'assistant', content: null, ...call('{"city":"Rome"}') }, finish_reason: 'tool_calls' }],
      usage,
    })
  }
  stream()
  await delta({ role: 'assistant', content: null, ...call('') })
  await delta({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] })
  await delta({ tool_calls: [{ index: 0, function: { arguments: '"Rome"}' } }] })
  await delta({}, 'tool_calls')
  await event(chunk(undefined, { usage }))
  await event('[DONE]')
  response.end()
}

const jsonAnswer: Script = async ({ request, stream, delta, event, json, response }) => {
  const content = '{"ok":true}'
  if (request.body.stream !== true) return json({ choices: [{ index: 0, message: { content }, finish_reason: 'stop' }], usage })
  stream()
  await delta({ content: content.slice(0, 4) })
  await delta({ content: content.slice(4) }, 'stop')
  await event(chunk(undefined, { usage }))
  await event('[DONE]')
  response.end()
}

const openAiScripts: Record<Exclude<Situation, 'answers'>, Script> = {
  'writes long': babbles(10),
  'calls tools': toolCall,
  'answers JSON': jsonAnswer,
  'rate limited': status(429, { headers: { 'retry-after': '2' } }),
  refuses: status(400, { body: { error: { message: 'bad temperature', type: 'invalid_request_error', param: 'temperature' } } }),
}

describeChatModel('an OpenAI-compatible host', async (situation) => {
  const upstream = situation === 'answers' ? startMockOpenAI({ tokens: 6 }) : await startFaultyUpstream(openAiScripts[situation])
  return { model: openAiCompatible({ id: 'hosted', baseUrl: upstream.url, model: 'mock' }), close: upstream.close }
})

const anthropicScripts: Record<Situation, Script> = {
  answers: writes('one', ' two', ' three'),
  'writes long': saysSlowly(10),
  'calls tools': message([{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }], 'tool_use'),
  'answers JSON': message([{ type: 'text', text: '{"ok":true}' }], 'end_turn'),
  'rate limited': status(429, { headers: { 'retry-after': '2' }, body: refuses('rate_limit_error', 'slow down') }),
  refuses: status(400, { body: refuses('invalid_request_error', 'max_tokens: too large') }),
}

describeChatModel('Anthropic Messages', async (situation) => {
  const upstream = await startFaultyUpstream(anthropicScripts[situation])
  return { model: anthropic({ id: 'claude', baseUrl: upstream.origin, model: 'claude' }), close: upstream.close }
})
