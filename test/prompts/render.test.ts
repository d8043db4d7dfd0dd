import { describe, expect, test } from 'vitest'
import type { ChatMessage } from '../../src/models/chat-model.ts'
import { messages, render, thrownBy } from './support.ts'

const user = (content: string) => ({ role: 'user', content })
const system = (content: string) => ({ role: 'system', content })
const assistant = (content: string) => ({ role: 'assistant', content })
const chat: ChatMessage[] = [
  { role: 'user', content: 'earlier question' },
  { role: 'assistant', content: 'earlier answer' },
]

/** [what, template, variables, messages, more] */
const cases: [string, string, Record<string, unknown>, unknown[], Parameters<typeof render>[2]?][] = [
  ['text alone is a user message', 'Hi.\n', {}, [user('Hi.\n')]],
  ['front matter takes the blank space around the body', '---\nmodel: m\n---\n\nHi {{a}}\n\n', { a: 1 }, [user('Hi 1')]],
  ['licence lines may precede front matter', '# SPDX: MIT\n\n---\nmodel: m\n---\nHi', {}, [user('Hi')]],
  ['values are not escaped', '{{a}} {{{a}}}', { a: '<b>&"' }, [user('<b>&" <b>&"')]],
  ['scalars print as JavaScript does, null as nothing', '{{a}},{{b}},{{c}}.', { a: 0, b: false, c: null }, [user('0,false,.')]],
  ['adjacent numbers do not add up', '{{a}}{{a}}', { a: 1 }, [user('11')]],
  ['unicode passes through', '{{a}} ☕ e\u0301', { a: '日本語 🦦' }, [user('日本語 🦦 ☕ e\u0301')]],
  ['roles cut messages', '{{role "system"}}S\n{{role "user"}}U', {}, [system('S\n'), user('U')]],
  ['model is the assistant', 'U{{role "model"}}M', {}, [user('U'), assistant('M')]],
  ['a role without text makes no message', '{{role "system"}}  \n{{role "user"}}U{{role "model"}} ', {}, [user('U')]],
  ['two messages of one role stay two', '{{role "user"}}A{{role "user"}}B', {}, [user('A'), user('B')]],
  [
    'few-shot examples are loops over roles',
    '{{#each shots}}{{role "user"}}{{q}}{{role "model"}}{{a}}{{/each}}{{role "user"}}{{last}}',
    {
      shots: [
        { q: '1', a: 'one' },
        { q: '2', a: 'two' },
      ],
      last: '3',
    },
    [user('1'), assistant('one'), user('2'), assistant('two'), user('3')],
  ],
  [
    'history stands where it is called',
    '{{role "system"}}S{{history}}{{role "user"}}Q',
    {},
    [system('S'), ...chat, user('Q')],
    { history: chat },
  ],
  [
    'text after history is the assistant’s',
    '{{role "system"}}S{{history}}A',
    {},
    [system('S'), ...chat, assistant('A')],
    { history: chat },
  ],
  [
    'uncalled history goes before the last user message',
    '{{role "system"}}S{{role "user"}}Q',
    {},
    [system('S'), ...chat, user('Q')],
    { history: chat },
  ],
  ['uncalled history goes last when the user does not', 'Q{{role "model"}}A', {}, [user('Q'), assistant('A'), ...chat], { history: chat }],
  ['history without messages is nothing', '{{role "system"}}S{{history}}{{role "user"}}Q', {}, [system('S'), user('Q')]],
  [
    'media are parts of a user message',
    'See {{media url=photo contentType="image/png"}} there',
    { photo: 'https://a/b.png' },
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See ' },
          { type: 'image', url: 'https://a/b.png' },
          { type: 'text', text: ' there' },
        ],
      },
    ],
  ],
  ['a section takes its content', 'A {{section "code"}} B', {}, [user('A let x B')], { sections: { code: 'let x' } }],
  ['json prints structures', '{{json a}} {{json a indent=1}}', { a: { b: [1] } }, [user('{"b":[1]} {\n "b": [\n  1\n ]\n}')]],
  ['if and else', '{{#if a}}y{{else}}n{{/if}}{{#if b}}y{{else if a}}c{{else}}n{{/if}}', { a: 1, b: '' }, [user('yc')]],
  ['zero is false unless asked', '{{#if a}}y{{else}}n{{/if}}{{#if a includeZero=true}}y{{/if}}', { a: 0 }, [user('ny')]],
  ['an empty list is false', '{{#if a}}y{{else}}n{{/if}}{{#unless a}}u{{/unless}}', { a: [] }, [user('nu')]],
  [
    'ifEquals compares strictly',
    '{{#ifEquals a 1}}y{{else}}n{{/ifEquals}}{{#ifEquals a "1"}}y{{else}}n{{/ifEquals}}{{#unlessEquals a 2}}u{{/unlessEquals}}',
    { a: 1 },
    [user('ynu')],
  ],
  [
    'each over a list knows its place',
    '{{#each a}}{{@index}}{{#if @first}}F{{/if}}{{#if @last}}L{{/if}}{{this}} {{/each}}',
    { a: ['x', 'y'] },
    [user('0Fx 1Ly ')],
  ],
  ['each over a map knows its keys', '{{#each a}}{{@key}}={{this}};{{/each}}', { a: { k: 1, l: 2 } }, [user('k=1;l=2;')]],
  ['each over nothing is its else', '{{#each a}}x{{else}}none{{/each}}', { a: [] }, [user('none')]],
  [
    'with moves into a value, .. out of it',
    '{{#with a}}{{b}}{{../c}}{{@root.c}}{{else}}none{{/with}}',
    { a: { b: 1 }, c: 2 },
    [user('122')],
  ],
  [
    '.. steps over if, which has no context of its own',
    '{{#each a}}{{#if b}}{{../c}}{{/if}}{{/each}}',
    { a: [{ b: 1 }], c: 2 },
    [user('2')],
  ],
  [
    'block parameters name the item and its place',
    '{{#each a as |item i|}}{{#with item}}{{i}}{{item.n}} {{/with}}{{/each}}',
    { a: [{ n: 5 }] },
    [user('05 ')],
  ],
  [
    'outer loop variables are one frame up',
    '{{#each a}}{{#each this}}{{@../index}}{{@index}} {{/each}}{{/each}}',
    { a: [[1, 2], [3]] },
    [user('00 01 10 ')],
  ],
  ['lookup takes a key from a value', '{{lookup a b}}', { a: { k: 'v' }, b: 'k' }, [user('v')]],
  ['context values come by @name', '{{@auth.email}}', {}, [user('a@b')], { context: { auth: { email: 'a@b' } } }],
  ['comments vanish', 'a{{! one }}{{!-- {{two}} --}}b', {}, [user('ab')]],
  ['tags alone on a line take the line with them', 'a\n{{#if b}}\n  c\n{{/if}}\nd', { b: 1 }, [user('a\n  c\nd')]],
  ['tildes eat blank space', 'a  {{~b~}}  c', { b: '-' }, [user('a-c')]],
  ['escaped tags are text', '\\{{a}}', {}, [user('{{a}}')]],
  ['a partial reads its caller’s variables', '{{> greet}}!', { n: 'Ann' }, [user('Hi Ann!')], { partials: { greet: 'Hi {{n}}' } }],
  ['a partial takes arguments', '{{> greet n=m}}', { m: 'Bo' }, [user('Hi Bo')], { partials: { greet: 'Hi {{n}}' } }],
  [
    'a partial takes a context',
    '{{#each a}}{{> greet this}}{{/each}}',
    { a: [{ n: 1 }, { n: 2 }] },
    [user('Hi 1Hi 2')],
    { partials: { greet: 'Hi {{n}}' } },
  ],
  ['a partial may set roles', '{{> rules}}{{role "user"}}Q', {}, [system('R'), user('Q')], { partials: { rules: '{{role "system"}}R' } }],
  ['partials call partials', '{{> a/b-c.d_e}}', {}, [user('12')], { partials: { 'a/b-c.d_e': '1{{> z}}', z: '2' } }],
  [
    'a partial alone on an indented line is indented, values and all',
    'x\n  {{> p n="N\nM"}}\ny',
    {},
    [user('x\n  A\n  N\n  M\ny')],
    { partials: { p: 'A\n{{n}}\n' } },
  ],
  ['# lines of a partial are text', '{{> p}}', {}, [user('# not a comment\nB')], { partials: { p: '# not a comment\nB' } }],
  ['defaults fill what is not given', '---\ninput:\n  default: { tone: calm, n: 1 }\n---\n{{tone}} {{n}}', { n: 2 }, [user('calm 2')]],
  [
    'an optional input may be absent or null',
    '---\ninput:\n  schema: { a?: string, b?: string }\n---\n[{{a}}{{b}}]',
    { b: null },
    [user('[]')],
  ],
  ['properties of prototypes are not inputs', '[{{a.constructor}}{{a.toString}}{{lookup a "__proto__"}}]', { a: {} }, [user('[]')]],
]

describe('rendering', () => {
  test.each(cases)('%s', (_what, template, variables, expected, more) => {
    expect(messages(template, variables, more)).toEqual(expected)
  })

  test('metadata of roles stands beside the messages', () => {
    const { metadata } = render('{{role "system" purpose="rules"}}S{{history}}{{role "user" n=1 last=true}}U', {}, { history: chat })
    expect(metadata).toEqual([{ purpose: 'rules' }, { purpose: 'history' }, { purpose: 'history' }, { n: 1, last: true }])
  })

  test('settings come with the messages', () => {
    const rendered = render(`---
model: local/small
config: { temperature: 0.2, maxOutputTokens: 64, stopSequences: [END] }
output:
  schema:
    label(enum): [spam, ham]
toolDefs:
  - name: search
    description: Finds pages.
    inputSchema: { query: string }
tools: [search]
---
Classify.`)
    expect(rendered).toMatchObject({
      model: 'local/small',
      sampling: { temperature: 0.2, maxTokens: 64, stop: ['END'] },
      responseFormat: { type: 'json-schema', name: 'test_prompt', strict: true, schema: { required: ['label'] } },
      tools: [{ name: 'search', parameters: { type: 'object', properties: { query: { type: 'string' } } } }],
    })
  })
})

describe('inputs', () => {
  const text = `---
input:
  schema:
    question: string
    passages(array):
      id: integer
      text: string
    tone?(enum): [calm, warm]
---
{{question}} {{tone}} {{#each passages}}{{id}}{{text}}{{/each}}`
  const good = { question: 'q', passages: [{ id: 1, text: 't' }] }

  test.each([
    ['variables.question', 'is missing', { passages: [] }],
    ['variables.question', 'must be string', { ...good, question: 3 }],
    ['variables.passages[0].text', 'is missing', { ...good, passages: [{ id: 1 }] }],
    [
      'variables.passages[1].id',
      'must be integer',
      {
        ...good,
        passages: [
          { id: 1, text: 't' },
          { id: 'x', text: 't' },
        ],
      },
    ],
    ['variables.tone', 'must be one of "calm", "warm", null', { ...good, tone: 'rude' }],
    ['variables.extra', 'is not an input', { ...good, extra: 1 }],
  ])('%s %s', (param, message, variables) => {
    expect(thrownBy(() => messages(text, variables))).toMatchObject({
      code: 'invalid_request',
      param,
      message: expect.stringContaining(message),
    })
  })

  test.each([
    ['a missing variable, without a schema', 'Hi {{name}}', {}, 'variables.name'],
    ['a missing variable in a condition', '{{#if name}}x{{/if}}', {}, 'variables.name'],
    ['a variable that nothing reads', 'Hi', { name: 1 }, 'variables.name'],
    ['a structure printed as text', '{{a}}', { a: { b: 1 } }, 'variables.a'],
    ['a list printed as text', '{{a}}', { a: [1] }, 'variables.a'],
    ['a context value that was not given', '{{@auth.email}}', {}, 'context.auth'],
    ['a section without content', '{{section "code"}}', {}, 'sections.code'],
  ])('%s is an error that names it', (_what, template, variables, param) => {
    expect(thrownBy(() => messages(template, variables))).toMatchObject({ code: 'invalid_request', param })
  })

  test('media outside a user message, or of a kind no model reads, is an error', () => {
    expect(() => messages('{{role "system"}}{{media url=a}}', { a: 'https://a' })).toThrow('user message')
    expect(() => messages('{{media url=a contentType="video/mp4"}}', { a: 'https://a' })).toThrow('video/mp4')
  })

  test('a prompt that renders to nothing is an error', () => {
    expect(() => messages('{{#if a}}x{{/if}}', { a: false })).toThrow('no message')
  })
})
