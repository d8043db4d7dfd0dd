/**
 * How often does a route with retrieval answer with the sentence that was asked for and its citation, and how often does it say that nothing
 * answers where nothing does?
 *
 *     bun test/bench/route-answers.ts [development | development-2 | held-out] [--answer extract | quote | model] [--weight 20]
 *                                     [--model FILE.gguf] [--show]
 *
 * The questions of the starter models' recipe through a running server and the OpenAI SDK, greedy: each has a collection of its passages, a
 * document each, and a route that finds them all again. An answer is right when it holds one of the expected spans and cites a document that
 * holds it. `--weight` is `closeness_weight`. `development` and `development-2` are what weights may be chosen on.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import OpenAI from 'openai'
import { parse } from 'yaml'
import { sha256 } from '../../src/lib/hash.ts'
import { looksLikeRefusal } from '../../src/lib/refusal.ts'
import { nothingFound } from '../../src/retrieval/retrieve.ts'
import { createWorkplace } from '../support/server-process.ts'

type Row = { question: string; answers: string[]; cite: number[]; passages: { heading: string; text: string }[] }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    answer: { type: 'string', default: 'extract' },
    weight: { type: 'string' },
    model: { type: 'string' },
    show: { type: 'boolean', default: false },
  },
})
const [set = 'development'] = positionals
const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(root, `data/models/starter-chat/recipe/eval/${set}.jsonl`), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row)
const folder = mkdtempSync(join(tmpdir(), 'weir-route-answers-'))
const shipped = parse(readFileSync(join(root, 'weir.yaml'), 'utf8'))
const local = (name: string) => ({ ...shipped.models[name], path: join(root, shipped.models[name].path) })
const chosen = values.model && { path: resolve(values.model), sha256: sha256(readFileSync(values.model)) }
const retrieval = {
  ...{ top_k: 6, token_budget: 800, answer: values.answer },
  ...(values.weight === undefined ? {} : { closeness_weight: Number(values.weight) }),
}
rows.forEach(({ passages }, at) => {
  const documents = join(folder, 'documents', String(at))
  mkdirSync(documents, { recursive: true })
  passages.forEach(({ heading, text }, place) => {
    const titles = heading.split(' > ').map((title, level) => `${'#'.repeat(Math.min(6, level + 1))} ${title}`)
    writeFileSync(join(documents, `${place + 1}.md`), `${titles.join('\n\n')}\n\n${text}\n`)
  })
})
cpSync(join(root, 'prompts'), join(folder, 'prompts'), { recursive: true })
const place = createWorkplace(folder, {
  models: { chat: { ...local('starter-chat'), ...chosen }, embed: local('starter-embed') },
  collections: Object.fromEntries(
    rows.map((_, at) => [
      `c${at}`,
      { embedding: 'embed', index: 'exact', max_chunk_tokens: 500, sources: [join(folder, 'documents', String(at))] },
    ]),
  ),
  routes: Object.fromEntries(
    rows.map((_, at) => {
      const variant = { name: 'only', model: 'chat', prompt: { name: 'assistant/answer' }, params: { temperature: 0, max_tokens: 120 } }
      return [`r${at}`, { variants: [{ ...variant, retrieval: { collection: `c${at}`, ...retrieval } }] }]
    }),
  ),
})
const server = await place.start()
try {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 60 })
  const flat = (text: string) => text.replaceAll(/\s+/g, ' ').toLowerCase()
  const counts = { right: 0, 'wrong citation': 0, wrong: 0, refused: 0, 'unanswerable refused': 0, 'unanswerable answered': 0 }
  for (const [at, { question, answers, cite }] of rows.entries()) {
    const { choices } = await client.chat.completions.create({ model: `r${at}`, messages: [{ role: 'user', content: question }] })
    const message = choices[0]?.message as unknown as { content: string; annotations?: { external_id: string }[] }
    const said = message.content
    const cited = new Set(message.annotations?.map(({ external_id: id }) => Number(/(\d+)\.md$/.exec(id)?.[1])))
    const refused = said === nothingFound || (cited.size === 0 && looksLikeRefusal(said))
    const holds = answers.some((span) => flat(said).includes(flat(span)))
    const known = refused ? 'refused' : !holds ? 'wrong' : cite.some((number) => cited.has(number)) ? 'right' : 'wrong citation'
    const verdict = answers.length > 0 ? known : refused ? 'unanswerable refused' : 'unanswerable answered'
    counts[verdict] += 1
    if (values.show && verdict !== 'right' && verdict !== 'unanswerable refused') {
      console.log(`${verdict}: ${question}\n  ${said}\n  wanted ${answers.join(' | ') || 'nothing'}`)
    }
  }
  const answerable = rows.filter(({ answers }) => answers.length > 0).length
  const share = (count: number, all: number) => `${count} of ${all} (${((100 * count) / all).toFixed(0)} %)`
  console.log(set, JSON.stringify(retrieval), JSON.stringify(counts))
  console.log(
    `right and cited ${share(counts.right, answerable)}; refused ${share(counts['unanswerable refused'], rows.length - answerable)} that nothing answers`,
  )
} finally {
  server.signal('SIGTERM')
  await server.exited
  rmSync(folder, { recursive: true, force: true })
}
