/**
 * How often does the answer of a route with `answer: quote`, the quoted sentence, hold what was asked for, with the right citation, and how
 * often does it say that nothing was found where the passages do not answer?
 *
 *     bun test/bench/quote-quality.ts [development | held-out | development-short | held-out-short] [--show]
 *
 * The questions of the starter models' recipe over passages of real documentation, 3 or more passages each; `development` is what the
 * threshold and weights may be chosen on. An answer is right when it holds one of the expected spans and cites a passage that holds it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Passage } from '../../src/retrieval/passages.ts'
import { quote } from '../../src/retrieval/quote.ts'
import { starterEmbedding } from './retrieval-embedding.ts'

type Row = { question: string; answers: string[]; cite: number[]; passages: { heading: string; text: string }[] }

const [set = 'development'] = process.argv.slice(2).filter((one) => !one.startsWith('--'))
const show = process.argv.includes('--show')
const file = join(import.meta.dirname, `../../data/models/starter-chat/recipe/eval/${set}.jsonl`)
const rows = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Row)
const folder = mkdtempSync(join(tmpdir(), 'weir-quote-'))
const { model, close } = await starterEmbedding(folder)
const flat = (text: string) => text.replaceAll(/\s+/g, ' ').toLowerCase()
const counts = { right: 0, uncited: 0, wrong: 0, refused: 0, 'unanswerable refused': 0, 'unanswerable answered': 0 }
for (const { question, answers, cite, passages } of rows) {
  const said = await quote({
    question,
    passages: passages.map(({ heading, text }) => ({ text, headingPath: heading.split(' > ') }) as unknown as Passage),
    embedder: model.embedder,
    tenant: 'bench',
    requestId: 'bench',
    signal: new AbortController().signal,
  })
  const cited = Number(/\[(\d+)\]\s*$/.exec(said ?? '')?.[1])
  const holds = answers.some((span) => flat(said ?? '').includes(flat(span)))
  const verdict =
    answers.length === 0
      ? said === undefined
        ? 'unanswerable refused'
        : 'unanswerable answered'
      : said === undefined
        ? 'refused'
        : !holds
          ? 'wrong'
          : cite.includes(cited)
            ? 'right'
            : 'uncited'
  counts[verdict] += 1
  if (show && verdict !== 'right' && verdict !== 'unanswerable refused')
    console.log(`${verdict}: ${question}\n  ${said ?? '–'}\n  wanted ${answers.join(' | ') || 'nothing'}`)
}
const answerable = rows.filter(({ answers }) => answers.length > 0).length
console.log(set, JSON.stringify(counts))
console.log(
  `right and cited ${counts.right} of ${answerable} (${((100 * counts.right) / answerable).toFixed(0)} %); refused ${counts['unanswerable refused']} of ${rows.length - answerable} unanswerable`,
)
await close()
rmSync(folder, { recursive: true, force: true })
