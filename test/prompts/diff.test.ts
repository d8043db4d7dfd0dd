import { describe, expect, test } from 'vitest'
import { diffRendered, diffSettings, diffSources } from '../../src/prompts/diff.ts'
import { openPrompt } from '../../src/prompts/prompt.ts'

const open = (text: string, partials: Record<string, string> = {}) => openPrompt({ name: 'a', path: 'a.prompt', text, partials })

describe('diffs', () => {
  test('of sources cover pinned partials', () => {
    const from = { path: 'a.prompt', version: 1, text: 'x\n', partials: { p: 'old\n', same: 's' } }
    const patch = diffSources(from, { ...from, version: 2, partials: { p: 'new\n', same: 's' } })
    expect(patch).toContain('--- partial p (version 1)')
    expect(patch).toContain('-old\n+new')
    expect(patch).not.toContain('a.prompt')
    expect(diffSources(from, from)).toBe('')
  })

  test('of settings go by meaning', () => {
    const from = open('---\nconfig: { temperature: 0.2, max_tokens: 9 }\ninput: { schema: { q: string } }\n---\n{{q}}')
    const same = open(
      '---\ninput:\n  schema: { properties: { q: { type: string } }, required: [q], additionalProperties: false }\nconfig: { maxOutputTokens: 9, temperature: 0.2 }\n---\n{{q}}',
    )
    const other = open('---\nconfig: { temperature: 0.7 }\ninput: { schema: { q?: string } }\nmodel: m\n---\n{{q}}')
    expect(diffSettings(from, same)).toEqual([])
    expect(diffSettings(from, other)).toEqual([
      { path: 'model', from: undefined, to: 'm' },
      { path: 'sampling.maxTokens', from: 9, to: undefined },
      { path: 'sampling.temperature', from: 0.2, to: 0.7 },
      { path: 'input.schema.properties.q.type', from: 'string', to: ['string', 'null'] },
      { path: 'input.schema.required', from: ['q'], to: undefined },
    ])
  })

  test('of renderings show what a model will read, errors included', () => {
    const from = open('{{role "system"}}Be kind.{{role "user"}}{{q}}')
    const to = open(
      '---\ninput: { schema: { q: string } }\n---\n{{role "system"}}Be {{#ifEquals q "hi"}}kind{{else}}brief{{/ifEquals}}.{{role "user"}}{{q}}',
    )
    const [same, changed, failed] = diffRendered(from, to, [
      { name: 'greeting', variables: { q: 'hi' } },
      { name: 'question', variables: { q: 'why' } },
      { name: 'number', variables: { q: 1 } },
    ])
    expect(same?.patch).toBe('')
    expect(changed?.patch).toContain('-Be kind.\n+Be brief.')
    expect(failed?.to).toBe('error: variable "q" must be string\n')
  })
})
