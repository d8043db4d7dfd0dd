import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { rangeRows } from '../../src/engine/json-schema/digits.ts'
import { schemaGrammar } from '../../src/engine/json-schema/grammar.ts'
import { createLlamaEngine } from '../../src/engine/llama/engine.ts'
import type { JsonSchema } from '../../src/models/chat-model.ts'
import { ask, scratch, tinyGguf } from '../support/local-models.ts'

const engine = createLlamaEngine({ cacheDir: scratch(), log: () => undefined, gpu: false, threads: 1 })
afterAll(() => engine.close())
/** Random weights: whatever the grammar lets through comes out sooner or later. */
const model = engine.chatModel(tinyGguf({ contextTokens: 1_024, sequences: 4, maxQueue: 64 }))

const ajv = new Ajv2020({ strict: false, validateSchema: false })
formats.default(ajv)

/** Random weights know nothing of UTF-8, and a broken character counts differently in bytes and in text: bytes from 0x80 on are left out. */
const asciiOnly = Object.fromEntries(Array.from({ length: 128 }, (_, index) => [3 + 0x80 + index, -100]))

const answer = async (schema: JsonSchema, seed: number) => {
  const responseFormat = { type: 'json-schema' as const, name: 'test', schema, strict: true }
  return ask(model, {
    messages: [{ role: 'user', content: 'go' }],
    responseFormat,
    sampling: { seed, maxTokens: 700, logitBias: asciiOnly },
  })
}

/** Texts of finished answers; throws when one is not what the schema says. */
const drawn = async (schema: JsonSchema, count = 6): Promise<unknown[]> => {
  const valid = ajv.compile(schema)
  const answers = await Promise.all(Array.from({ length: count }, (_, seed) => answer(schema, seed)))
  return answers.flatMap(({ texts, reasons }) => {
    if (reasons[0] !== 'stop') return []
    const value: unknown = JSON.parse(texts[0] ?? '')
    if (!valid(value)) throw new Error(`${texts[0]} is not ${JSON.stringify(schema)}`)
    return [value]
  })
}

describe('answers under a schema are valid', () => {
  const word = { type: 'string', maxLength: 5 }
  const cases: Record<string, JsonSchema> = {
    'required and optional properties': {
      type: 'object',
      properties: { a: { type: 'integer', minimum: 0, maximum: 99 }, b: { type: 'boolean' }, c: word },
      required: ['b'],
      additionalProperties: false,
    },
    'enum, const and null': {
      type: 'object',
      properties: { kind: { const: 'x"y\\z' }, size: { enum: ['s', 'm', 3, null] } },
      required: ['kind', 'size'],
    },
    anyOf: { anyOf: [{ type: 'null' }, { type: 'object', properties: { n: { type: 'null' } }, required: ['n'] }, { enum: [1, 2] }] },
    'anyOf beside properties': {
      type: 'object',
      properties: { a: { type: 'boolean' }, b: { type: 'boolean' } },
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    allOf: {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] },
        { type: 'object', properties: { a: { type: 'integer', maximum: 7 }, b: { type: 'null' } }, required: ['b'] },
      ],
    },
    'recursive definitions': {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { leaf: { type: 'boolean' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['leaf', 'next'],
        },
      },
    },
    arrays: { type: 'array', items: { type: 'integer', minimum: -5, maximum: 5 }, minItems: 2, maxItems: 4 },
    tuples: { type: 'array', prefixItems: [{ type: 'boolean' }, { type: 'null' }, { enum: ['z'] }], items: false, minItems: 1 },
    'tuples with a rest': { type: 'array', prefixItems: [{ type: 'boolean' }], items: { type: 'null' }, minItems: 2, maxItems: 3 },
    'type lists': { type: ['boolean', 'null', 'integer'], minimum: 4, maximum: 5 },
    'bounded fractions': { type: 'number', minimum: -0.5, exclusiveMaximum: 1 },
    'string lengths': { type: 'object', properties: { s: { type: 'string', minLength: 2, maxLength: 4 } }, required: ['s'] },
    maps: { type: 'object', additionalProperties: { type: 'boolean' } },
    ...Object.fromEntries(
      ['date', 'time', 'date-time', 'uuid', 'email', 'ipv4'].map((format) => [`format ${format}`, { type: 'string', format }]),
    ),
  }
  test.each(Object.entries(cases))('%s', async (_name, schema) => {
    expect((await drawn(schema)).length).toBeGreaterThan(0)
  })

  test('an optional property is sometimes there and sometimes not', async () => {
    const values = await drawn({ type: 'object', properties: { a: { type: 'null' } }, additionalProperties: false }, 12)
    expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(2)
  })

  const scalar = fc.oneof(
    fc.constant({ type: 'boolean' }),
    fc.constant({ type: 'null' }),
    fc.record({ type: fc.constant('string'), maxLength: fc.integer({ min: 0, max: 6 }) }),
    fc
      .tuple(fc.integer({ min: -2_000, max: 2_000 }), fc.nat(3_000))
      .map(([minimum, size]) => ({ type: 'integer', minimum, maximum: minimum + size })),
    fc
      .tuple(fc.integer({ min: -200, max: 200 }), fc.nat(300))
      .map(([low, size]) => ({ type: 'number', minimum: low / 8, maximum: (low + size) / 8 })),
    fc.uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1, maxLength: 4 }).map((values) => ({ enum: values })),
  )
  const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small', maxDepth: 3 },
      scalar as fc.Arbitrary<JsonSchema>,
      fc
        .dictionary(
          fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__'),
          tie('schema'),
          { maxKeys: 4 },
        )
        .chain((properties) =>
          fc.subarray(Object.keys(properties)).map((required) => ({ type: 'object', properties, required, additionalProperties: false })),
        ),
      fc.record({ type: fc.constant('array'), items: tie('schema'), maxItems: fc.integer({ min: 0, max: 3 }) }),
      fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    ),
  }))

  test('whatever the schema', async () => {
    let finished = 0
    await fc.assert(
      fc.asyncProperty(schema, async (generated) => {
        finished += (await drawn(generated, 2)).length
      }),
      { numRuns: 60 },
    )
    expect(finished).toBeGreaterThan(60)
  }, 60_000)
})

describe('a keyword that a grammar cannot promise is refused by its place', () => {
  const place = 'response_format.json_schema.schema'
  test.each<[string, JsonSchema, string]>([
    ['pattern', { type: 'object', properties: { a: { type: 'string', pattern: '^a' } } }, `${place}.properties.a.pattern`],
    ['multipleOf', { type: 'integer', multipleOf: 3 }, `${place}.multipleOf`],
    ['uniqueItems', { type: 'array', items: { type: 'array', uniqueItems: true } }, `${place}.items.uniqueItems`],
    ['not', { anyOf: [{ type: 'null' }, { not: {} }] }, `${place}.anyOf[1].not`],
    ['if', { if: {}, else: {} }, `${place}.if`],
    ['patternProperties', { type: 'object', patternProperties: {} }, `${place}.patternProperties`],
    ['an unknown format', { type: 'string', format: 'hostname' }, `${place}.format`],
    ['a remote reference', { $ref: 'https://example.com/x' }, `${place}.$ref`],
    ['a reference to nothing', { $ref: '#/$defs/x' }, `${place}.$ref`],
    [
      'a reference to itself',
      { $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } }, allOf: [{ $ref: '#/$defs/a' }] },
      `${place}.allOf[0].allOf[0].$ref`,
    ],
    ['an unknown type', { type: 'text' }, `${place}.type`],
    ['false', { type: 'object', properties: { a: false as never } }, `${place}.properties.a`],
  ])('%s', (_name, schema, param) => {
    expect(() => schemaGrammar(schema, place)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/unsupported_parameter|invalid_request/), param }),
    )
  })

  test('also through the chat port, before the model is asked', async () => {
    await expect(answer({ type: 'string', pattern: 'a' }, 1)).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: `${place}.pattern`,
    })
  })
})

test('digit rows match exactly the numbers of a range', () => {
  const row = (text: string) => text.replaceAll('"', '').replaceAll(' ', '').replaceAll('.', '\\.')
  fc.assert(
    fc.property(
      fc.integer({ min: -5_000, max: 5_000 }),
      fc.nat(4_000),
      fc.integer({ min: 0, max: 2 }),
      fc.array(fc.integer({ min: -12_000, max: 12_000 }), { maxLength: 30 }),
      (low, size, decimals, probes) => {
        const expression = new RegExp(
          `^(${rangeRows(BigInt(low), BigInt(low + size), decimals)
            .map(row)
            .join('|')})$`,
        )
        for (const probe of [...probes, low - 1, low, low + size, low + size + 1]) {
          const text = (probe / 10 ** decimals).toFixed(decimals)
          expect([text, expression.test(text)]).toEqual([text, probe >= low && probe <= low + size])
        }
      },
    ),
  )
})

describe('tools', () => {
  const tools = [
    {
      name: 'weather',
      description: 'tells the weather',
      parameters: { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'], additionalProperties: false },
    },
    { name: 'now', parameters: undefined },
  ]
  const messages = [{ role: 'user', content: 'what is the weather?' }]

  test('required: one of them is called, with arguments of its schema', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { calls, reasons } = await ask(model, { messages, tools, toolChoice: 'required', sampling: { seed, maxTokens: 300 } })
      expect(reasons).toEqual(['tool_calls'])
      expect(calls.length).toBe(1)
      if (calls[0]?.name === 'weather') expect(['Oslo', 'Rome']).toContain(JSON.parse(calls[0].arguments).city)
      else expect([calls[0]?.name, JSON.parse(calls[0]?.arguments ?? '')]).toEqual(['now', {}])
    }
  })

  test('named: that one is called', async () => {
    const { calls } = await ask(model, { messages, tools, toolChoice: { name: 'now' }, sampling: { seed: 1, maxTokens: 300 } })
    expect(calls.map((call) => call.name)).toEqual(['now'])
    await expect(ask(model, { messages, tools, toolChoice: { name: 'never' } })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'tool_choice',
    })
  })

  test('none: the answer is text and the model is not told of them', async () => {
    const counted = await ask(model, { messages, tools, toolChoice: 'none', sampling: { maxTokens: 4 } })
    const without = await ask(model, { messages, sampling: { maxTokens: 4 } })
    expect(counted.usage.promptTokens).toBe(without.usage.promptTokens)
  })

  test('a conversation with calls and their results is rendered', async () => {
    const spoken = [
      ...messages,
      { role: 'assistant', content: null, toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' }] },
      { role: 'tool', content: 'rain', toolCallId: 'c1' },
    ]
    const { usage } = await ask(model, { messages: spoken, sampling: { maxTokens: 2 } })
    expect(usage.promptTokens).toBeGreaterThan(100)
  })
})

test('a JSON object on demand is an object', async () => {
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, seed) =>
      ask(model, {
        messages: [{ role: 'user', content: 'go' }],
        responseFormat: { type: 'json-object' },
        sampling: { seed, maxTokens: 800 },
      }),
    ),
  )
  const finished = answers.filter(({ reasons }) => reasons[0] === 'stop')
  expect(finished.length).toBeGreaterThan(0)
  for (const { texts } of finished) expect(JSON.parse(texts[0] ?? '')).toBeTypeOf('object')
})
