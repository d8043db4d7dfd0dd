import { afterAll, describe, expect, test } from 'vitest'
import { createParser, defaultParserOptions } from '../../src/retrieval/parse/parser.ts'
import { never, scratchDir } from './support/library.ts'
import { tinyDocx, tinyPdf } from './support/office.ts'

describe('documents become text', () => {
  const parser = createParser({ scratchDir: scratchDir(), log: () => undefined })
  afterAll(() => parser.close())
  const parse = (name: string, content: string | Uint8Array, signal = never) =>
    parser.parse(typeof content === 'string' ? new TextEncoder().encode(content) : content, name, signal)

  test('markdown keeps its structure and loses its front matter', async () => {
    expect(await parse('a.md', '---\ntitle: "Named"\n---\n# Heading\n\nText')).toEqual({
      title: 'Named',
      text: '# Heading\n\nText',
      markdown: true,
      pageStarts: [],
    })
    expect(await parse('a.md', '# Heading\n\nText')).toMatchObject({ title: 'Heading' })
  })

  test('a page becomes its article as markdown, without scripts, links and pictures', async () => {
    const paragraph = `<p>${'A weir is a low dam that measures a river, <a href="https://evil.test">as told</a>. '.repeat(8)}</p>`
    const html = `<!doctype html><html><head><title>Weirs</title><script>alert(1)</script></head><body><nav><a href="/">Home</a></nav>
      <article><h1>Weirs</h1><h2>History</h2>${paragraph}${paragraph}<img src="https://evil.test/x.png" alt="a weir"><ul><li>one</li></ul></article></body></html>`
    const { text, title, markdown } = await parse('page.html', html)
    expect({ title, markdown }).toEqual({ title: 'Weirs', markdown: true })
    expect(text).toContain('## History')
    expect(text).toContain('low dam')
    expect(text).not.toMatch(/alert|evil\.test|Home/)
  })

  test('a PDF gives its text with the place where each page starts, and its title', async () => {
    const { text, title, pageStarts } = await parse('a.pdf', tinyPdf(['First page text', 'Second page text'], { title: 'Report' }))
    expect(title).toBe('Report')
    expect(pageStarts).toHaveLength(2)
    expect(text.slice(pageStarts[1]).trim()).toBe('Second page text')
  })

  test('a Word document gives headings and paragraphs', async () => {
    const docx = tinyDocx([
      { text: 'Manual', heading: 1 },
      { text: 'Open the sluice.' },
      { text: 'Closing', heading: 2 },
      { text: 'Close it.' },
    ])
    expect(await parse('a.docx', docx)).toMatchObject({ title: 'Manual', text: '# Manual\n\nOpen the sluice.\n\n## Closing\n\nClose it.' })
  })

  test('rows of a table say what their columns mean', async () => {
    expect((await parse('a.csv', 'name,note\nweir,"a ""low"" dam,\nold"\nlock,\n')).text).toBe(
      'name: weir\nnote: a "low" dam,\nold\n\nname: lock',
    )
    expect((await parse('a.tsv', 'a\tb\n1\t2\n')).text).toBe('a: 1\nb: 2')
    expect((await parse('a.json', '[{"a":{"b":1},"c":["x","y"]}]')).text).toBe('a.b: 1\nc: x, y')
    expect((await parse('a.jsonl', '{"a":1}\n{"a":2}\n')).text).toBe('a: 1\n\na: 2')
  })

  test('UTF-16 with a byte order mark is read, and line ends become one kind', async () => {
    expect((await parse('a.txt', new Uint8Array(Buffer.from('\uFEFFa\r\nb', 'utf16le')))).text).toBe('a\nb')
  })

  test.each([
    ['an encrypted PDF', 'a.pdf', tinyPdf(['secret'], { encrypted: true }), 'invalid_request', /encrypted/],
    ['a damaged PDF', 'a.pdf', new TextEncoder().encode('%PDF-1.4 nothing more'), 'invalid_request', /damaged|no text layer/],
    ['a scan', 'a.pdf', tinyPdf(['']), 'invalid_request', /scan/],
    ['an archive', 'a.zip', new Uint8Array([0x50, 0x4b, 3, 4, 1, 2]), 'invalid_request', /archive/],
    ['an encrypted or old Office file', 'a.docx', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1]), 'invalid_request', /Office/],
    ['a quoted field without end', 'a.csv', 'a,b\n1,"x', 'invalid_request', /does not end/],
  ])('%s is refused with its reason', async (_title, name, content, code, message) => {
    await expect(parse(name, content)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('limits on pages, characters, bytes and time', async () => {
    const strict = createParser({
      scratchDir: scratchDir(),
      log: () => undefined,
      options: { maxBytes: 4000, maxPages: 1, maxCharacters: 50, timeoutMs: 15_000 },
    })
    const bytes = (text: string) => new TextEncoder().encode(text)
    await expect(strict.parse(tinyPdf(['a', 'b']), 'a.pdf', never)).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringContaining('2 pages'),
    })
    await expect(strict.parse(bytes('x'.repeat(60)), 'a.txt', never)).rejects.toMatchObject({ code: 'payload_too_large' })
    await expect(strict.parse(bytes('x'.repeat(5000)), 'a.txt', never)).rejects.toMatchObject({ code: 'payload_too_large' })
    await strict.close()
    const hasty = createParser({ scratchDir: scratchDir(), log: () => undefined, options: { ...defaultParserOptions, timeoutMs: 1 } })
    await expect(hasty.parse(tinyPdf(['a']), 'a.pdf', never)).rejects.toMatchObject({ code: 'timeout' })
    await hasty.close()
  })
})
