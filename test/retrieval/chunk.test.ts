import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChunkOptions, chunkText, embeddedText, type ParsedText } from '../../src/retrieval/chunk/chunk.ts'
import { never } from './support/library.ts'

const countTokens = async (texts: string[]) => texts.map((text) => (text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []).length + 2)
const options: ChunkOptions = { maxTokens: 60, minTokens: 15, countTokens }
const markdown = (text: string, more: Partial<ParsedText> = {}): ParsedText => ({
  title: null,
  text,
  markdown: true,
  pageStarts: [],
  ...more,
})
const words = (count: number, word = 'word') => Array.from({ length: count }, (_, at) => `${word}${at}`).join(' ')

describe('chunks', () => {
  test('follow headings and carry their path', async () => {
    const text = `# Guide\n\n${words(20)}\n\n## Setup\n\n${words(30, 'setup')}\n\n### Linux\n\n${words(30, 'linux')}\n\n## Use\n\n${words(30, 'use')}\n`
    const chunks = await chunkText(markdown(text, { title: 'Guide' }), options, never)
    expect(chunks.map((chunk) => chunk.headingPath)).toEqual([['Guide'], ['Guide', 'Setup'], ['Guide', 'Setup', 'Linux'], ['Guide', 'Use']])
    expect(embeddedText(chunks[2]!)).toBe(`Guide > Setup > Linux\n${words(30, 'linux')}`)
  })

  test('never cross the limit, and open a paragraph at sentences before words', async () => {
    const sentence = (at: number) => `Sentence ${at} has ${words(9, `w${at}x`)}.`
    const text = Array.from({ length: 20 }, (_, at) => sentence(at)).join(' ')
    const chunks = await chunkText(markdown(text), options, never)
    expect(chunks.length).toBeGreaterThan(3)
    for (const chunk of chunks) {
      expect(chunk.tokens).toBeLessThanOrEqual(options.maxTokens)
      expect(chunk.text).toMatch(/\.$/)
    }
  })

  test('a word longer than a chunk is cut rather than lost', async () => {
    const perCharacter = { ...options, countTokens: async (texts: string[]) => texts.map((text) => text.length) }
    const chunks = await chunkText(markdown('x'.repeat(500)), perCharacter, never)
    expect(chunks.map((chunk) => chunk.text).join('')).toBe('x'.repeat(500))
  })

  test('small sections are joined under the heading they share, which they keep in the text', async () => {
    const text = '# API\n\n## a\n\nshort one\n\n## b\n\nshort two\n'
    const chunks = await chunkText(markdown(text), options, never)
    expect(chunks).toHaveLength(1)
    expect(chunks[0]).toMatchObject({ headingPath: ['API'], text: '## a\n\nshort one\n\n## b\n\nshort two' })
  })

  test('a number sign in a code block is no heading', async () => {
    const chunks = await chunkText(markdown('# Real\n\n```sh\n# comment\nrun\n```\n'), options, never)
    expect(chunks).toMatchObject([{ headingPath: ['Real'], text: '```sh\n# comment\nrun\n```' }])
  })

  test('know their page', async () => {
    const first = words(50, 'one')
    const second = words(50, 'two')
    const chunks = await chunkText(
      { title: null, text: `${first}\n\n${second}`, markdown: false, pageStarts: [0, first.length + 2] },
      options,
      never,
    )
    expect(chunks.map((chunk) => chunk.page)).toEqual([1, 2])
  })

  test('whatever the text: offsets cite it exactly, nothing but white space and headings is lost, no chunk is too large', async () => {
    const line = fc.oneof(
      fc.constantFrom('# One', '## Two', '### Three', '', '```', '- item', '| a | b |', '\u{1F600}\u{1F600}'),
      fc.string({ unit: 'binary', maxLength: 200 }).map((text) => text.replaceAll('\u0000', '')),
      fc.lorem({ maxCount: 60 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
        const text = lines.join('\n').toWellFormed()
        const chunks = await chunkText(markdown(text), options, never)
        let end = 0
        let covered = ''
        for (const chunk of chunks) {
          expect(text.slice(chunk.charStart, chunk.charEnd)).toBe(chunk.text)
          expect(chunk.charStart).toBeGreaterThanOrEqual(end)
          expect(chunk.tokens).toBeLessThanOrEqual(options.maxTokens + 2)
          covered += text
            .slice(end, chunk.charStart)
            .replace(/^ {0,3}#{1,6}[ \t].*$/gm, '')
            .trim()
          end = chunk.charEnd
        }
        covered += text
          .slice(end)
          .replace(/^ {0,3}#{1,6}[ \t].*$/gm, '')
          .trim()
        expect(covered).toBe('')
      }),
      { numRuns: 200 },
    )
  })
})
