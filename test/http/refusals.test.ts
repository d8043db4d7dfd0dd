import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, type Gateway, hello, key, startGateway } from './gateway.ts'
import { echo, lengths, scripted } from './models.ts'

const poor = scripted(
  () => [],
  {
    tools: false,
    jsonSchema: false,
    jsonObject: false,
    logprobs: false,
    choices: 1,
    seed: false,
    penalties: false,
    logitBias: false,
    images: false,
    completion: false,
    contextTokens: 100,
  },
  'poor',
)
let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [echo(), poor], embedders: [lengths()] })
})
afterAll(() => gateway.close())

const chat = (body: unknown) => gateway.post('/v1/chat/completions', body)
const user = (content: unknown) => ({ model: 'echo', messages: [{ role: 'user', content }] })
const tool = (name: string) => ({ type: 'function', function: { name } })
const nested = (depth: number): unknown => JSON.parse(`${'{"items":'.repeat(depth)}{}${'}'.repeat(depth)}`)
const schemaFormat = (schema: unknown) => ({ type: 'json_schema', json_schema: { name: 'a', schema } })

describe('400 in OpenAI’s shape, naming the parameter', () => {
  const cases: [what: string, body: unknown, param: string | null][] = [
    ['no JSON', '{"model":', null],
    ['nothing', '', null],
    ['an array', [], null],
    ['a number', 5, null],
    ['null', 'null', null],
    ['no model', { messages: hello.messages }, 'model'],
    ['a model of the wrong type', { ...hello, model: 5 }, 'model'],
    ['no messages', { model: 'echo' }, 'messages'],
    ['an empty list of messages', { model: 'echo', messages: [] }, 'messages'],
    ['messages that are a string', { model: 'echo', messages: 'hi' }, 'messages'],
    ['an unknown role', { model: 'echo', messages: [{ role: 'king', content: 'x' }] }, 'messages[0].role'],
    ['content of the wrong type', user(5), 'messages[0].content'],
    ['a null content', user(null), 'messages[0].content'],
    ['a part without its text', user([{ type: 'text' }]), 'messages[0].content[0].text'],
    ['a part of an unknown type', user([{ type: 'input_audio', input_audio: {} }]), 'messages[0].content[0].type'],
    ['an unknown field of a message', { model: 'echo', messages: [{ role: 'user', content: 'x', mood: 'good' }] }, 'messages[0].mood'],
    ['a tool message without its call', { model: 'echo', messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
    ['an unknown parameter', { ...hello, top_k: 5 }, 'top_k'],
    ['a parameter of OpenAI that nothing here does', { ...hello, prediction: {} }, 'prediction'],
    ['the deprecated functions', { ...hello, functions: [] }, 'functions'],
    ['audio', { ...hello, modalities: ['text', 'audio'] }, 'modalities'],
    ['a service tier', { ...hello, service_tier: 'flex' }, 'service_tier'],
    ['temperature as text', { ...hello, temperature: '1' }, 'temperature'],
    ['temperature past 2', { ...hello, temperature: 2.1 }, 'temperature'],
    ['top_p past 1', { ...hello, top_p: 1.5 }, 'top_p'],
    ['a penalty past 2', { ...hello, presence_penalty: 3 }, 'presence_penalty'],
    ['no tokens', { ...hello, max_tokens: 0 }, 'max_tokens'],
    ['a billion billion tokens', { ...hello, max_tokens: 1e18 }, 'max_tokens'],
    ['infinity', '{"model":"echo","messages":[{"role":"user","content":"x"}],"max_tokens":1e999}', 'max_tokens'],
    ['half a token', { ...hello, max_tokens: 1.5 }, 'max_tokens'],
    ['more tokens than the context', { ...hello, max_tokens: 1001 }, 'max_tokens'],
    ['two limits that disagree', { ...hello, max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens'],
    ['no choices', { ...hello, n: 0 }, 'n'],
    ['a million choices', { ...hello, n: 1_000_000 }, 'n'],
    ['more choices than the model makes', { ...hello, n: 5 }, 'n'],
    ['a seed with a fraction', { ...hello, seed: 1.5 }, 'seed'],
    ['seventeen stops', { ...hello, stop: Array(17).fill('x') }, 'stop'],
    ['an empty stop', { ...hello, stop: '' }, 'stop'],
    ['a number to stop at', { ...hello, stop: [1] }, 'stop[0]'],
    ['biases of words', { ...hello, logit_bias: { word: 1 } }, 'logit_bias.word'],
    ['a bias past 100', { ...hello, logit_bias: { '1': 101 } }, 'logit_bias.1'],
    ['top_logprobs without logprobs', { ...hello, top_logprobs: 1 }, 'top_logprobs'],
    ['too many top_logprobs', { ...hello, logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    ['stream as text', { ...hello, stream: 'yes' }, 'stream'],
    ['stream_options without stream', { ...hello, stream_options: { include_usage: true } }, 'stream_options'],
    ['an unknown stream option', { ...hello, stream: true, stream_options: { fast: true } }, 'stream_options.fast'],
    ['a tool that is no function', { ...hello, tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type'],
    ['a tool with a bad name', { ...hello, tools: [tool('no spaces')] }, 'tools[0].function.name'],
    ['two tools of one name', { ...hello, tools: [tool('a'), tool('a')] }, 'tools'],
    ['a choice of no tool', { ...hello, tools: [tool('a')], tool_choice: tool('b') }, 'tool_choice'],
    ['a required tool without tools', { ...hello, tool_choice: 'required' }, 'tool_choice'],
    ['parallel calls without tools', { ...hello, parallel_tool_calls: true }, 'parallel_tool_calls'],
    ['an unknown response format', { ...hello, response_format: { type: 'xml' } }, 'response_format.type'],
    ['a schema that is text', { ...hello, response_format: schemaFormat('{}') }, 'response_format.json_schema.schema'],
    ['a schema 1,000 deep', { ...hello, response_format: schemaFormat(nested(1000)) }, 'response_format.json_schema.schema'],
    ['metadata that is no text', { ...hello, metadata: { a: 1 } }, 'metadata.a'],
    ['metadata of 17 pairs', { ...hello, metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }, 'metadata'],
    ['an unknown extra of ours', { ...hello, weir: { shape: 1 } }, 'weir.shape'],
    ['a variant the route does not have', { ...hello, weir: { variant: 'b' } }, 'weir.variant'],
    ['a prompt where there are none', { ...hello, weir: { prompt: { name: 'a' } } }, 'weir.prompt'],
    ['variables without a prompt', { ...hello, weir: { prompt: { variables: { a: 1 } } } }, 'weir.prompt.variables'],
    ['an unknown cache mode', { ...hello, weir: { cache: { mode: 'maybe' } } }, 'weir.cache.mode'],
    ['a polluted prototype', '{"model":"echo","messages":[{"role":"user","content":"x"}],"__proto__":{"stream":true}}', '__proto__'],
    ['a polluted message', '{"model":"echo","messages":[{"role":"user","content":"x","__proto__":{"name":"y"}}]}', 'messages[0].__proto__'],
    [
      'polluted extras',
      '{"model":"echo","messages":[{"role":"user","content":"x"}],"weir":{"__proto__":{"variant":"b"}}}',
      'weir.__proto__',
    ],
    ['a constructor', { ...hello, constructor: { prototype: { stream: true } } }, 'constructor'],
  ]
  test.each(cases)('%s', async (_, body, param) => {
    const error = await errorOf(await chat(body))
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param })
    expect(error.message).not.toMatch(/zod|undefined is not|at Object/i)
  })

  const incapable: [param: string, extra: object][] = [
    ['tools', { tools: [tool('a')] }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['response_format', { response_format: schemaFormat({ type: 'object' }) }],
    ['logprobs', { logprobs: true }],
    ['n', { n: 2 }],
    ['seed', { seed: 1 }],
    ['frequency_penalty', { frequency_penalty: 0.5 }],
    ['presence_penalty', { presence_penalty: 0.5 }],
    ['logit_bias', { logit_bias: { '1': 1 } }],
  ]
  test.each(incapable)('%s, which the model cannot do', async (param, extra) => {
    expect(await errorOf(await chat({ ...hello, model: 'poor', ...extra }))).toMatchObject({
      status: 400,
      param,
      code: 'unsupported_parameter',
    })
    expect(poor.asked).toEqual([])
    expect(gateway.traces.at(-1)).toMatchObject({ status: 'error', errorCode: 'unsupported_parameter', variant: 'default' })
  })

  test('a million nested arrays', async () => {
    expect((await chat('['.repeat(1_000_000))).status).toBe(400)
    expect((await chat(`${'['.repeat(400_000)}${']'.repeat(400_000)}`)).status).toBe(400)
    expect((await chat(`{"model":"echo","messages":${'['.repeat(1000)}${']'.repeat(1000)}}`)).status).toBe(400)
  })

  const embeddingCases: [what: string, body: unknown, param: string][] = [
    ['no input', { model: 'lengths' }, 'input'],
    ['an empty input', { model: 'lengths', input: '' }, 'input'],
    ['an empty list', { model: 'lengths', input: [] }, 'input'],
    ['token ids', { model: 'lengths', input: [1, 2] }, 'input[0]'],
    ['lists of token ids', { model: 'lengths', input: [[1, 2]] }, 'input[0]'],
    ['more than 2048 texts', { model: 'lengths', input: Array(2049).fill('a') }, 'input'],
    ['an unknown encoding', { model: 'lengths', input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    ['no dimensions', { model: 'lengths', input: 'a', dimensions: 0 }, 'dimensions'],
    ['more dimensions than there are', { model: 'lengths', input: 'a', dimensions: 4 }, 'dimensions'],
    ['a text that is too long', { model: 'lengths', input: 'a'.repeat(101) }, 'input'],
    ['an unknown parameter', { model: 'lengths', input: 'a', shape: 1 }, 'shape'],
  ]
  test.each(embeddingCases)('%s to embed', async (_, body, param) => {
    expect(await errorOf(await gateway.post('/v1/embeddings', body))).toMatchObject({ status: 400, param })
  })

  const completionCases: [what: string, body: unknown, param: string][] = [
    ['no prompt', { model: 'echo' }, 'prompt'],
    ['token ids', { model: 'echo', prompt: [1, 2] }, 'prompt[0]'],
    ['best_of', { model: 'echo', prompt: 'a', best_of: 2 }, 'best_of'],
    ['logprobs as in chat', { model: 'echo', prompt: 'a', logprobs: true }, 'logprobs'],
  ]
  test.each(completionCases)('%s to complete', async (_, body, param) => {
    expect(await errorOf(await gateway.post('/v1/completions', body))).toMatchObject({ status: 400, param })
  })

  test('a completion from a model that only answers conversations', async () => {
    expect(await errorOf(await gateway.post('/v1/completions', { model: 'poor', prompt: 'a' }))).toMatchObject({ status: 400 })
  })
})

describe('404', () => {
  test('a model nobody serves, for every endpoint', async () => {
    const bodies = {
      '/v1/chat/completions': { ...hello, model: 'x' },
      '/v1/completions': { model: 'x', prompt: 'a' },
      '/v1/embeddings': { model: 'x', input: 'a' },
    }
    for (const [path, body] of Object.entries(bodies)) {
      expect(await errorOf(await gateway.post(path, body))).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    }
  })

  test('a chat model asked to embed, and an embedding model asked to chat', async () => {
    expect((await gateway.post('/v1/embeddings', { model: 'echo', input: 'a' })).status).toBe(404)
    expect((await chat({ ...hello, model: 'lengths' })).status).toBe(404)
  })

  test('a path nobody serves, in the same shape', async () => {
    expect(await errorOf(await gateway.post('/v1/nothing', {}))).toMatchObject({ status: 404, type: 'not_found_error' })
  })
})

describe('413', () => {
  const raw = (request: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, '127.0.0.1', () => socket.write(request))
      let answer = ''
      socket.on('data', (bytes) => {
        answer += bytes
        if (answer.includes('"error"')) socket.destroy()
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n`

  test('a body that is declared too large, before it is sent', async () => {
    const answer = await raw(`${head}Content-Length: 2000000\r\n\r\n{`)
    expect(answer).toMatch(/^HTTP\/1.1 413/)
    expect(answer).toContain('"code":"payload_too_large"')
  })

  test('a chunked body that grows too large, while it is sent', async () => {
    const piece = 'x'.repeat(0x10000)
    const answer = await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${`10000\r\n${piece}\r\n`.repeat(17)}`)
    expect(answer).toMatch(/^HTTP\/1.1 413/)
  })

  test('a chunked body of a fair size is read', async () => {
    const body = JSON.stringify(hello)
    const answer = await raw(
      `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 200/)
  })
})

test('500 says nothing about our insides, and the log says everything', async () => {
  const broken = scripted(
    () => {
      throw new TypeError('secret detail', { cause: new Error('Bearer abcdef0123456789 was refused') })
    },
    {},
    'broken',
  )
  await using other = startGateway({ models: [broken] })
  const error = await errorOf(await other.post('/v1/chat/completions', { ...hello, model: 'broken' }))
  expect(error).toMatchObject({ status: 500, type: 'server_error', code: 'internal' })
  expect(error.message).not.toContain('secret')
  const line = JSON.parse(other.logged[0] ?? '{}')
  expect(line).toMatchObject({ level: 'error', code: 'internal', err: { type: 'TypeError', message: 'secret detail' } })
  expect(line.err.cause.message).toBe('Bearer [redacted] was refused')
  expect(other.logged.join('')).not.toContain('hello')
})
