import { describe, expect, test } from 'vitest'
import { lintPrompt, lintTree } from '../../src/prompts/lint.ts'
import { formatProblem } from '../../src/prompts/problem.ts'

const partials: Record<string, string> = {
  fine: 'Hi {{name}}',
  broken: 'a\n{{#if x}}b',
  loop: '{{> pool}}',
  pool: 'x\n{{> loop}}',
  'deep/er': '{{nothing}}',
}
const lint = (text: string): string[] =>
  lintPrompt({ name: 'a/b', path: 'a/b.prompt', text }, (name) => {
    const found = partials[name]
    return found === undefined ? undefined : { name, path: `_${name}.prompt`, text: found }
  }).problems.map(formatProblem)

const withSchema = (schema: string, body: string) => `---\ninput:\n  schema: ${schema}\n---\n${body}`

/** [what, text, the problems] */
const cases: [string, string, string[]][] = [
  [
    'undefined variable',
    withSchema('{ a: string }', '{{a}}\n  {{b}}'),
    ['a/b.prompt:6:5: "b": nothing declares "b" here [undefined-variable]'],
  ],
  ['undefined variable without a schema', 'Hi\n{{a}}', ['a/b.prompt:2:3: "a": declare it under input.schema [undefined-variable]']],
  [
    'undefined field of an item',
    withSchema('{ a(array): { b: string } }', '{{#each a}}{{c}}{{/each}}'),
    ['a/b.prompt:5:14: "c": nothing declares "c" here [undefined-variable]'],
  ],
  [
    'a name from outside a loop',
    withSchema('{ a(array): string, b: string }', '{{b}}{{#each a}}{{this}}{{b}}{{/each}}'),
    ['a/b.prompt:5:27: "b": nothing declares "b" here [undefined-variable]'],
  ],
  [
    'above the outermost context',
    withSchema('{ a: string }', '{{a}}{{../a}}'),
    ['a/b.prompt:5:8: "../a" goes above the outermost context [undefined-variable]'],
  ],
  [
    'undefined variable in a partial, in the partial’s file',
    withSchema('{ a: string }', '{{a}}{{> deep/er}}'),
    ['_deep/er.prompt:1:3: "nothing": nothing declares "nothing" here [undefined-variable]'],
  ],
  [
    'unused variable',
    withSchema('\n    a: string\n    b?: string', '{{a}}'),
    ['a/b.prompt:5:9: "b" is declared and never used [unused-variable]'],
  ],
  [
    'a default that nothing declares',
    '---\ninput: { schema: { a: string }, default: { b: 1 } }\n---\n{{a}}',
    ['a/b.prompt:2:42: variable "b" is not an input of this prompt [schema]'],
  ],
  [
    'a default of another type',
    '---\ninput: { schema: { a: string }, default: { a: 1 } }\n---\n{{a}}',
    ['a/b.prompt:2:42: variable "a" must be string [schema]'],
  ],
  [
    'a structure printed as text',
    withSchema('{ a(array): string }', '{{a}}'),
    ['a/b.prompt:5:1: "a" is a list or an object: print it with {{json a}} [unprintable-variable]'],
  ],
  ['unknown partial', 'a\n{{> nope}}', ['a/b.prompt:2:1: there is no partial "nope" (_nope.prompt) [unknown-partial]']],
  ['circular partials', '{{> loop}}', ['_pool.prompt:2:1: partials call each other in a circle: loop → pool → loop [circular-partial]']],
  ['an unreadable partial', '{{> broken}}', ['_broken.prompt:2:1: {{#if}} is never closed [unmatched-block]']],
  ['a block never closed', '---\nmodel: m\n---\n\na\n  {{#if b}}\nc', ['a/b.prompt:6:3: {{#if}} is never closed [unmatched-block]']],
  ['a block closed by another name', 'a\n{{#if b}}c{{/each}}', ["a/b.prompt:2:4: if doesn't match each [unmatched-block]"]],
  ['a closing tag alone', 'a\n{{/if}}', ['a/b.prompt:2:1: a closing tag without its opening tag [unmatched-block]']],
  ['a broken tag', 'a\nbc{{d', [expect.stringContaining('a/b.prompt:2:') as unknown as string]],
  [
    'an unknown helper',
    withSchema('{ a: string }', '{{upper a}}'),
    [expect.stringContaining('a/b.prompt:5:1: unknown helper "upper"') as unknown as string],
  ],
  [
    'an implied section',
    withSchema('{ a: string }', '{{#a}}x{{/a}}'),
    [
      expect.stringContaining('a/b.prompt:5:1: unknown block "a"') as unknown as string,
      'a/b.prompt:3:16: "a" is declared and never used [unused-variable]',
    ].toReversed(),
  ],
  ['an unknown role', '{{role "robot"}}x', [expect.stringContaining('role takes one of') as unknown as string]],
  ['an inline partial', '{{#*inline "a"}}x{{/inline}}y', [expect.stringContaining('[unsupported]') as unknown as string]],
  ['no body', '---\nmodel: m\n---\n', ['a/b.prompt:4:1: the prompt has no body [empty-body]']],
  [
    'tabs in YAML',
    '---\ninput:\n\tschema: x\n---\nx',
    [expect.stringMatching(/^a\/b\.prompt:3:1: .*[Tt]ab.*\[front-matter\]$/) as unknown as string],
  ],
  ['a key given twice', '---\nmodel: a\nmodel: b\n---\nx', [expect.stringMatching(/^a\/b\.prompt:3:1: .*unique/) as unknown as string]],
  ['front matter never closed', '---\nmodel: a\nx', ['a/b.prompt:1:1: the front matter opened here is never closed by --- [front-matter]']],
  ['a misspelt key', '---\nmodle: a\n---\nx', [expect.stringContaining('a/b.prompt:2:8: unknown key "modle"') as unknown as string]],
  [
    'a misspelt setting',
    '---\nconfig:\n  temprature: 1\n---\nx',
    [expect.stringContaining('a/b.prompt:3:15: unknown key "config.temprature"') as unknown as string],
  ],
  [
    'a setting out of range',
    '---\nconfig:\n  temperature: 9\n---\nx',
    ['a/b.prompt:3:16: config.temperature must be a number from 0 to 2 [config]'],
  ],
  [
    'an unknown type',
    withSchema('{ a: strnig }', '{{a}}'),
    [expect.stringContaining('a/b.prompt:3:16: unknown type "strnig"') as unknown as string],
  ],
  ['a tool without a definition', '---\ntools: [search]\n---\nx', ['a/b.prompt:2:9: tool "search" is not defined under toolDefs [tools]']],
  ['a name that is not the path’s', '---\nname: other\n---\nx', ['a/b.prompt:2:7: the path names this prompt "a/b", not "other" [name]']],
]

describe('lint', () => {
  test.each(cases)('%s', (_what, text, expected) => {
    expect(lint(text)).toEqual(expected)
  })

  test.each([
    [
      'variables used in any way',
      withSchema(
        '{ a(array): { b: { c: string } }, d?: string, e: any, f: string }',
        '{{#each a as |x|}}{{x.b.c}}{{b.c}}{{../f}}{{/each}}{{#if d}}{{d}}{{/if}}{{e.x.y}}',
      ),
    ],
    ['the whole context', withSchema('{ a: string, b: string }', '{{json this}}')],
    ['a partial’s use of the caller’s variable', withSchema('{ name: string }', '{{> fine}}')],
    ['a partial’s argument', withSchema('{ n: string }', '{{> fine name=n}}')],
    [
      'JSON Schema with references',
      withSchema(
        '{ type: object, properties: { a: { $ref: "#/$defs/t" } }, $defs: { t: { type: object, properties: { b: { type: string } } } } }',
        '{{a.b}}',
      ),
    ],
    ['open maps', withSchema('{ m: { (*): string } }', '{{m.anything}}{{#each m}}{{@key}}{{this}}{{/each}}')],
    ['keys of one’s own, with a dot', '---\nweir.eval_suite: rag\n---\nx'],
  ])('accepts %s', (_what, text) => {
    expect(lint(text)).toEqual([])
  })

  test('a tree is told of all its faults, once each, uncalled partials included', async () => {
    const files = [
      { path: 'a.prompt', text: '{{> p}}' },
      { path: 'b.prompt', text: '{{> p}}' },
      { path: '_p.prompt', text: '{{role "robot"}}' },
      { path: '_lonely.prompt', text: 'x\n{{#if}}' },
    ]
    const { prompts, problems } = await lintTree(files)
    expect(prompts).toBe(2)
    expect(problems.map(({ file, line, rule }) => [file, line, rule])).toEqual([
      ['_p.prompt', 1, 'helper-arguments'],
      ['_lonely.prompt', 2, 'unmatched-block'],
    ])
  })
})
