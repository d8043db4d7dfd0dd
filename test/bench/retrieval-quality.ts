/**
 * How good is retrieval out of the box, and does the hybrid beat both of its halves?
 *
 *     bun test/bench/retrieval-quality.ts [folder of data sets]        (default: ../shared/data, or WEIR_TEST_SHARED/data)
 *
 * A server as `weir up` starts it, on an empty state, driven by the openai SDK: files are uploaded and attached to a vector store, every query is one
 * `/v1/vector_stores/{id}/search` of 30 chunks; a document ranks where its best chunk does. The halves are the same search with the weight of the other at
 * zero. CISI: 1,460 abstracts, the 76 queries that have judgements, all of them relevance 1; nDCG@10 with linear gain over all judged documents. XQuAD English:
 * each of 240 paragraphs a document, each of 1,190 questions a query with one relevant paragraph.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { meanOf, ndcgAt, recallAt, reciprocalRank } from '../../src/retrieval/ranking-metrics.ts'

type Query = { text: string; relevant: ReadonlyMap<string, number> }
type DataSet = { name: string; documents: { id: string; text: string }[]; queries: Query[] }

const root = join(import.meta.dirname, '../..')
const folder = process.argv[2] ?? join(process.env.WEIR_TEST_SHARED ?? join(root, '../shared'), 'data')
if (!existsSync(join(folder, 'cisi')) || !existsSync(join(folder, 'xquad'))) {
  console.log(`skipped: no cisi and xquad in ${folder}`)
  process.exit(0)
}

/** `.I id`, then fields of lines, each begun by a dot and a letter. */
const cisiRecords = (file: string) =>
  readFileSync(join(folder, 'cisi', file), 'utf8')
    .split(/^\.I (?=\d)/m)
    .slice(1)
    .map((record) => {
      const fields = new Map(record.split(/^\.(?=[A-Z]\s*$)/m).map((field) => [field[0] ?? '', field.slice(1).replace(/\s+/g, ' ').trim()]))
      return { id: /^\d+/.exec(record)?.[0] ?? '', title: fields.get('T') ?? '', text: fields.get('W') ?? '' }
    })

const cisi = (): DataSet => {
  const judged = new Map<string, Map<string, number>>()
  for (const line of readFileSync(join(folder, 'cisi/CISI.REL'), 'utf8').trim().split('\n')) {
    const [query = '', document = ''] = line.trim().split(/\s+/)
    judged.set(query, (judged.get(query) ?? new Map()).set(document, 1))
  }
  return {
    name: 'CISI',
    documents: cisiRecords('CISI.ALL').map(({ id, title, text }) => ({ id, text: `# ${title}\n\n${text}` })),
    queries: cisiRecords('CISI.QRY').flatMap(({ id, text }) => (judged.has(id) ? [{ text, relevant: judged.get(id) ?? new Map() }] : [])),
  }
}

const xquad = (): DataSet => {
  const { data } = JSON.parse(readFileSync(join(folder, 'xquad/xquad.en.json'), 'utf8')) as {
    data: { paragraphs: { context: string; qas: { question: string }[] }[] }[]
  }
  const paragraphs = data.flatMap((article) => article.paragraphs)
  return {
    name: 'XQuAD en',
    documents: paragraphs.map(({ context }, at) => ({ id: String(at), text: context })),
    queries: paragraphs.flatMap(({ qas }, at) => qas.map(({ question }) => ({ text: question, relevant: new Map([[String(at), 1]]) }))),
  }
}

const stateDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const probe = Bun.serve({ port: 0, fetch: () => new Response() })
const port = probe.port
await probe.stop(true)
const server = Bun.spawn([process.execPath, 'src/main.ts', 'up'], {
  cwd: root,
  env: { ...process.env, WEIR_STATE_DIR: stateDir, PORT: String(port), WEIR_LOG_LEVEL: 'warn' },
  stdout: 'ignore',
  stderr: 'inherit',
})
const client = new OpenAI({
  apiKey: 'none',
  baseURL: `http://127.0.0.1:${port}/v1`,
  maxRetries: 5,
  defaultHeaders: { authorization: null },
})

const fill = async ({ name, documents }: DataSet): Promise<{ store: string; idOf: Map<string, string> }> => {
  const store = await client.vectorStores.create({ name })
  const idOf = new Map<string, string>()
  const queue = documents.values()
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const { id, text } of queue) {
        const file = await client.files.create({ file: new File([text], `${id}.md`), purpose: 'assistants' })
        idOf.set(file.id, id)
      }
    }),
  )
  const fileIds = [...idOf.keys()]
  for (let at = 0; at < fileIds.length; at += 500) {
    const { file_counts: counts } = await client.vectorStores.fileBatches.createAndPoll(store.id, { file_ids: fileIds.slice(at, at + 500) })
    if (counts.failed > 0) throw new Error(`${counts.failed} documents failed`)
  }
  return { store: store.id, idOf }
}

const weights = {
  dense: { embedding_weight: 1, text_weight: 0 },
  text: { embedding_weight: 0, text_weight: 1 },
  hybrid: { embedding_weight: 1, text_weight: 1 },
}

try {
  for (
    let waited = 0;
    !(await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    ));
    waited += 1
  ) {
    if (waited === 300) throw new Error('the server did not become ready')
    await Bun.sleep(200)
  }
  for (const set of [cisi(), xquad()]) {
    const from = performance.now()
    const { store, idOf } = await fill(set)
    console.log(
      `\n${set.name}: ${set.documents.length} documents in ${((performance.now() - from) / 1000).toFixed(0)} s, ${set.queries.length} queries`,
    )
    for (const [mode, hybrid] of Object.entries(weights)) {
      const ndcg: (number | null)[] = []
      const first: (number | null)[] = []
      const five: (number | null)[] = []
      const reciprocal: number[] = []
      for (const { text, relevant } of set.queries) {
        const { data } = await client.vectorStores.search(store, {
          query: text,
          max_num_results: 30,
          ranking_options: { hybrid_search: hybrid } as never,
        })
        const ranked = [...new Set(data.map(({ file_id: id }) => idOf.get(id) ?? ''))]
        const wanted = new Set(relevant.keys())
        ndcg.push(ndcgAt(ranked, relevant, 10))
        first.push(recallAt(ranked, wanted, 1))
        five.push(recallAt(ranked, wanted, 5))
        reciprocal.push(reciprocalRank(ranked, wanted))
      }
      const show = (values: (number | null)[]) => meanOf(values)?.toFixed(4)
      console.log(`  ${mode.padEnd(6)}  nDCG@10 ${show(ndcg)}  recall@1 ${show(first)}  recall@5 ${show(five)}  MRR ${show(reciprocal)}`)
    }
  }
} finally {
  server.kill()
  await server.exited
  rmSync(stateDir, { recursive: true, force: true })
}
