import { describe, expect, test } from 'vitest'
import { hostNames, hostOf } from '../../src/models/providers/hosts.ts'
import { provider, providerKinds } from '../../src/models/providers/index.ts'
import { unsupportedParameter } from '../../src/models/supports.ts'
import { everything, requestOf } from './scripted-model.ts'

describe('providers', () => {
  test('are made by kind, whatever the host', () => {
    for (const kind of providerKinds) {
      for (const host of hostNames) {
        const model = provider(kind).chat({
          id: 'm',
          baseUrl: 'http://127.0.0.1:1/v1',
          model: 'x',
          host,
          capabilities: { contextTokens: 9 },
        })
        expect(model.id).toBe('m')
        expect(model.capabilities.contextTokens).toBe(9)
      }
    }
  })
  test('know a host by its address where that is telling', () => {
    expect(hostOf('https://api.openai.com/v1')).toBe('openai')
    expect(hostOf('https://api.mistral.ai/v1')).toBe('mistral')
    expect(hostOf('http://localhost:11434/v1')).toBe('ollama')
    expect(hostOf('https://api.openai.com.evil.example/v1')).toBe('generic')
    expect(hostOf('http://localhost:8000/v1')).toBe('generic')
  })
})

describe('what a model cannot do', () => {
  const nothing = {
    ...everything,
    tools: false,
    jsonSchema: false,
    jsonObject: false,
    logprobs: false,
    choices: 1,
    seed: false,
    penalties: false,
    logitBias: false,
    images: false,
    completion: false as const,
  }
  for (const [param, changes] of [
    ['tools', { tools: [{ name: 'f' }] }],
    ['response_format', { responseFormat: { type: 'json-object' } }],
    ['response_format', { responseFormat: { type: 'json-schema', name: 'n', schema: {}, strict: true } }],
    ['n', { n: 2 }],
    ['logprobs', { sampling: { topLogprobs: 0 } }],
    ['seed', { sampling: { seed: 0 } }],
    ['frequency_penalty', { sampling: { frequencyPenalty: 0.1 } }],
    ['presence_penalty', { sampling: { presencePenalty: -1 } }],
    ['logit_bias', { sampling: { logitBias: { 1: 2 } } }],
    ['messages', { input: { kind: 'chat', messages: [{ role: 'user', content: [{ type: 'image', url: 'data:' }] }] } }],
    ['prompt', { input: { kind: 'text', prompt: 'x' } }],
  ] as const) {
    test(`is named: ${param} by ${JSON.stringify(changes)}`, () => {
      const request = requestOf(changes as unknown as Parameters<typeof requestOf>[0])
      expect(unsupportedParameter(request, nothing)).toBe(param)
      expect(unsupportedParameter(request, everything)).toBeUndefined()
    })
  }
  test('is not what says nothing: no tools, penalties of zero, one choice', () => {
    const request = requestOf({ tools: [], n: 1, sampling: { frequencyPenalty: 0, presencePenalty: 0, logitBias: {} } })
    expect(unsupportedParameter(request, nothing)).toBeUndefined()
  })
  test('echo and suffix are told apart', () => {
    const can = { ...everything, completion: { echo: false, suffix: false } }
    expect(unsupportedParameter(requestOf({ input: { kind: 'text', prompt: 'x', echo: true } }), can)).toBe('echo')
    expect(unsupportedParameter(requestOf({ input: { kind: 'text', prompt: 'x', suffix: 'y' } }), can)).toBe('suffix')
  })
})
