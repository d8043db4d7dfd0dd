import { describe, expect, test } from 'vitest'
import { readSuite } from '../../src/evals/suite-file.ts'

const read = (text: string, files: Record<string, string> = {}) =>
  readSuite(text, 'evals/support.yaml', { KEY: 'secret' }, { readFile: async (path) => files[path] ?? '', readStored: async () => [] })
const faults = (text: string, files?: Record<string, string>) =>
  read(text, files).then(
    () => 'no fault',
    (error: Error) => error.message,
  )

const suite = (cases: string) => `target: {route: support}\ncases:\n${cases}`

describe('a suite', () => {
  test('gets defaults, variables and the names of its cases', async () => {
    const { name, cases, target } = await read(`
target: {route: support, variant: b}
input: 'Answer shortly: {{question}}'
repeats: 2
defaults: {assert: [{type: not-is-refusal}], vars: {tone: kind}}
cases:
  - {id: first, vars: {question: Why?}, expected: Because, assert: [{type: equals, value: '{{expected}}', weight: 2}]}
  - {vars: {question: 'How, {{not a variable}}?'}, must_pass: true, tags: [slow]}
`)
    expect([name, target]).toEqual(['support', { kind: 'route', route: 'support', variant: 'b', variables: false }])
    // What is expected is told to no prompt.
    expect(cases[0]?.variables).toEqual({ tone: 'kind', question: 'Why?' })
    expect(cases).toMatchObject([
      {
        id: 'first',
        turns: [{ role: 'user', content: 'Answer shortly: Why?' }],
        repeats: 2,
        assertions: [
          { type: 'is-refusal', negated: true },
          { type: 'equals', value: 'Because', weight: 2 },
        ],
      },
      { id: 'case-2', mustPass: true, tags: ['slow'], group: 'case-2' },
    ])
  })

  test('reads JSON lines and CSV beside it', async () => {
    const { cases } = await read(
      'target: {model: m}\ndatasets: [{file: a.jsonl}, {file: b.csv}]\ninput: "{{topic}}?"\ndefaults: {assert: [{type: contains, value: "{{expected}}"}]}',
      {
        'a.jsonl': '{"id": 1, "topic": "weirs", "expected": "dam"}\n\n{"input": "Fish?", "expected": "ladder"}\n',
        'b.csv': 'id,topic,expected,tags\nc1,"rivers, wide",water,"x;y"\n',
      },
    )
    expect(cases.map(({ id, turns, tags, expected }) => [id, turns[0]?.content, tags, expected])).toEqual([
      ['1', 'weirs?', [], 'dam'],
      ['case-2', 'Fish?', [], 'ladder'],
      ['c1', 'rivers, wide?', ['x', 'y'], 'water'],
    ])
  })

  test.each([
    ['no cases', 'target: {route: a}', 'evals/support.yaml: the suite has no cases'],
    [
      'an unknown assertion',
      suite('  - {input: x, assert: [{type: contain, value: y}]}'),
      /support\.yaml:3:5: there is no assertion 'contain'; known are contains, contains-all/,
    ],
    ['an unknown key', suite('  - {input: x, asert: [], assert: [{type: is-json}]}'), /support\.yaml:3:16: cases\.0\.asert: unknown key/],
    [
      'a variable that is not there',
      suite('  - {input: "{{name}}", assert: [{type: is-json}]}'),
      "evals/support.yaml:3:5: there is no variable 'name'",
    ],
    ['a case that asserts nothing', suite('  - {input: x}'), /asserts nothing/],
    ['a case that asks nothing', suite('  - {vars: {a: 1}, assert: [{type: is-json}]}'), /asks nothing/],
    [
      'two cases of one name',
      suite('  - {id: a, input: x, assert: [{type: is-json}]}\n  - {id: a, input: y, assert: [{type: is-json}]}'),
      /support\.yaml:4:5: a case is named a already/,
    ],
    ['a wrong pattern', suite('  - {input: x, assert: [{type: regex, value: "("}]}'), /the pattern is wrong/],
    ['a missing threshold', suite('  - {input: x, assert: [{type: latency}]}'), /latency needs a threshold/],
    ['a wrong schema', suite('  - {input: x, assert: [{type: json-schema, value: {type: nonsense}}]}'), /JSON schema is wrong/],
    ['a classifier without a model', suite('  - {input: x, assert: [{type: classifier, value: bad}]}'), /needs a `model`/],
    ['YAML that is none', 'target: {route: a', /support\.yaml:1/],
    ['a key in a message', 'target: {url: "http://x/v1", model: m, api_key: "${NO_KEY}"}', /environment variable NO_KEY is not set/],
  ])('names the line of %s', async (_what, text, message) => {
    expect(await faults(text)).toMatch(message)
  })

  test('names the line of a dataset that is broken', async () => {
    const jsonl = 'target: {model: m}\ndatasets: [{file: a.jsonl}]\ndefaults: {assert: [{type: is-json}]}'
    expect(await faults(jsonl, { 'a.jsonl': '{"input": "x"}\n{"input": \n' })).toBe('a.jsonl:2: not valid JSON')
    expect(await faults(jsonl, { 'a.jsonl': '{"input": "x"}\n{"input": "y", "repeats": 0}\n' })).toMatch(/^a\.jsonl:2: repeats/)
    expect(await faults(jsonl.replace('a.jsonl', 'a.csv'), { 'a.csv': 'id,input\n1,"x\n' })).toMatch(/^a\.csv:\d/)
  })

  test('the key of a hosted target is no part of the hash', async () => {
    const of = (key: string) =>
      read(`target: {url: "http://x/v1", model: m, api_key: ${key}}\ncases: [{input: x, assert: [{type: is-json}]}]`)
    expect((await of('a')).hash).toBe((await of('"${KEY}"')).hash)
  })
})

describe('a promptfoo configuration', () => {
  const text = `
description: brought along
prompts: ['Answer: {{question}}']
providers: [{id: openai:chat:support, config: {temperature: 0}}]
defaultTest: {assert: [{type: not-contains, value: sorry}]}
evaluateOptions: {repeat: 2, maxConcurrency: 8}
tests:
  - vars: {question: What is a weir?}
    assert:
      - {type: icontains, value: dam, weight: 2, metric: right}
      - type: assert-set
        threshold: 0.5
        assert: [{type: contains-any, value: [low, small]}, {type: latency, threshold: 5000}]
`

  test('runs as it is', async () => {
    const { target, cases, concurrency, params } = await read(text)
    expect([target, concurrency, params.temperature]).toEqual([{ kind: 'route', route: 'support', variables: false }, 8, 0])
    expect(cases[0]).toMatchObject({
      turns: [{ role: 'user', content: 'Answer: What is a weir?' }],
      repeats: 2,
      assertions: [
        { type: 'contains', negated: true },
        { type: 'icontains', metric: 'right' },
        { type: 'assert-set', children: [{}, {}] },
      ],
    })
  })

  test('is refused where it wants what there is not', async () => {
    expect(await faults(text.replace('icontains', 'webhook'))).toMatch(/support\.yaml:8:5: there is no assertion 'webhook'/)
    expect(await faults(`${text}scenarios: []\n`)).toMatch(/scenarios: unknown key/)
    expect(await faults(text.replace("['Answer", "['Other', 'Answer"))).toMatch(/one prompt at a time/)
  })
})
