import { describe, expect, test } from 'vitest'
import { parseCard, renderCard } from '../../src/registry/card.ts'

const page = (card: string | null) => renderCard({ title: 'm, version 1', facts: [['Licence', 'mit <x>']], card })

describe('model cards', () => {
  test('are YAML metadata and Markdown', () => {
    expect(parseCard('---\nlicense: mit\ntags: [a]\n---\n# Hi\n')).toEqual({
      metadata: { license: 'mit', tags: ['a'] },
      markdown: '# Hi\n',
    })
    expect(parseCard('# Hi')).toEqual({ metadata: {}, markdown: '# Hi' })
    expect(parseCard('---\na: [\n---\nHi')).toEqual({ metadata: {}, markdown: 'Hi' })
  })

  test('become a page with facts, metadata and text', () => {
    const html = page(
      '---\nlicense: mit\n---\n# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://example.com) ![pic](https://example.com/a.png)',
    )
    for (const piece of [
      '<h1>Title</h1>',
      '<td>1</td>',
      'href="https://example.com"',
      '<img src="https://example.com/a.png"',
      'mit &#60;x&#62;',
      '<th>license</th>',
    ]) {
      expect(html).toContain(piece)
    }
    expect(page(null)).toContain('has no model card')
  })

  test.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe src="https://evil"></iframe>',
    '<svg/onload=alert(1)>',
    '<style>body{display:none}</style>',
    '<form action="https://evil"><input></form>',
    '---\nlicense: "<script>alert(1)</script>"\n---\n',
    '<details open ontoggle=alert(1)>x</details>',
  ])('let nothing run: %s', (card) => {
    const main = page(card)
    expect(main).not.toMatch(/<script|<iframe|<form|<svg|javascript:|\son\w+=|<style>body\{display/i)
  })
})
