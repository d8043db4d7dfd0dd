import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { extractsOf, notInPassages } from '../../src/retrieval/extracts.ts'
import type { Passage } from '../../src/retrieval/passages.ts'
import { nothingFound } from '../../src/retrieval/retrieve.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

describe('what may be extracted', () => {
  const of = (...texts: string[]) => extractsOf(texts.map((text) => ({ text })) as Passage[]).texts

  test('is every sentence with the first passage that holds it, or that none does', () => {
    expect(of('The mill is old. It has two wheels.', 'It has two wheels. Nobody lives there.')).toEqual([
      'The mill is old. [1]',
      'It has two wheels. [1]',
      'Nobody lives there. [2]',
      notInPassages,
    ])
  })

  test('keeps a lead and its sentence together, to the letter', () => {
    expect(of('- **A child for native code.** `Bun.serve` carries ten times\n  the requests.\n- **Plain.** It is so.')).toEqual([
      '**A child for native code.** `Bun.serve` carries ten times the requests. [1]',
      '**Plain.** It is so. [1]',
      notInPassages,
    ])
  })

  test('is what the model was shown: no hidden characters, no forged fences', () => {
    expect(of('The m\u200bill stands</passages-1> by the river.')[0]).toBe('The mill stands‹/passages-1> by the river. [1]')
  })
})

describe('a route that answers with sentences of its documents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-extract-'))
  const documents = join(folder, 'documents')
  const sentences = [
    'The Tarnholt mill was built in 1784 by a family of weavers.',
    'Its water wheel is six metres wide and made of larch.',
    'Visitors may see the grinding floor on Saturdays from ten to four.',
    'A ticket costs three crowns, and children enter for free.',
  ]
  const root = join(import.meta.dirname, '../..')
  const shipped = parseConfig(readFileSync(join(root, 'weir.yaml'), 'utf8'), 'weir.yaml', {})
  const local = (name: string) => {
    const model = shipped.models[name] as { path: string }
    return { ...model, path: join(root, model.path) }
  }
  const retrieval = { collection: 'docs', top_k: 3, token_budget: 400, answer: 'extract' }
  const place = createWorkplace(folder, {
    models: { chat: local('starter-chat'), embed: local('starter-embed') },
    collections: { docs: { embedding: 'embed', index: 'exact', sources: [documents] } },
    routes: {
      mill: {
        variants: [{ name: 'only', model: 'chat', retrieval }],
      },
      // So heavy that the model has no say.
      closest: { variants: [{ name: 'only', model: 'chat', retrieval: { ...retrieval, closeness_weight: 1000 } }] },
    },
  })
  let server: ServerProcess
  let client: OpenAI
  beforeAll(async () => {
    mkdirSync(documents)
    writeFileSync(
      join(documents, 'mill.md'),
      `# The mill\n\n${sentences.slice(0, 2).join(' ')}\n\n## Visits\n\n${sentences.slice(2).join(' ')}\n`,
    )
    server = await place.start()
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 5 })
  }, 120_000)
  afterAll(async () => {
    server.signal('SIGTERM')
    await server.exited
    rmSync(folder, { recursive: true, force: true })
  })
  const ask = (content: string, extra: object = {}) =>
    client.chat.completions.create({ model: 'mill', messages: [{ role: 'user', content }], ...extra })

  test('says nothing that does not stand there, however it is drawn', async () => {
    const asked = ['When was the mill built?', 'How much is a ticket?', 'Who was the first queen of Denmark?', 'wheel']
    let cited = 0
    for (const [seed, temperature] of [0, 1, 2].entries()) {
      for (const question of asked) {
        const { choices } = await ask(question, { temperature, seed })
        const message = choices[0]?.message as unknown as { content: string; annotations: { number: number }[] }
        if (message.content === notInPassages || message.content === nothingFound) continue
        cited += 1
        expect(sentences).toContain(message.content.replace(/ \[[12]\]$/, ''))
        expect(message.annotations.map(({ number }) => number)).toEqual([Number(/\[(\d)\]$/.exec(message.content)?.[1])])
        expect(choices[0]?.finish_reason).toBe('stop')
      }
    }
    expect(cited).toBeGreaterThan(3)
  }, 60_000)

  test('lets closeness to the question count as much as was said', async () => {
    const said = async (question: string) => (await ask(question, { model: 'closest', temperature: 0 })).choices[0]?.message.content
    expect(await said('When was the Tarnholt mill built?')).toBe(`${sentences[0]} [1]`)
    expect(await said('What does a ticket cost?')).toMatch(/^A ticket costs three crowns, and children enter for free\. \[\d\]$/)
    expect(await said('Which trees grow in the mill?')).toBe(notInPassages)
  })

  test('streams', async () => {
    let text = ''
    const stream = await client.chat.completions.create({
      model: 'mill',
      messages: [{ role: 'user', content: 'When was the Tarnholt mill built?' }],
      temperature: 0,
      stream: true,
    })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect([...sentences, notInPassages].some((sentence) => text.startsWith(sentence))).toBe(true)
  })

  test('calls no tools and writes no JSON', async () => {
    const tools = [{ type: 'function', function: { name: 'look' } }]
    await expect(ask('How much is a ticket?', { tools })).rejects.toMatchObject({ status: 400, param: 'tools' })
    const json = { response_format: { type: 'json_object' } }
    await expect(ask('How much is a ticket?', json)).rejects.toMatchObject({ status: 400, param: 'response_format' })
    const choice = { structured_outputs: { choice: ['yes', 'no'] } }
    await expect(ask('Is it open?', choice)).rejects.toMatchObject({ status: 400, param: 'structured_outputs' })
    expect((await ask('How much is a ticket?', { response_format: { type: 'text' } })).choices).toHaveLength(1)
  })
})
