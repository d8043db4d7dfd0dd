/** Ingests numbered documents, some of them again and again, until somebody kills it. Prints a line per document. Argument: state folder. */
import { openDatabase } from '../../../src/db/database.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { createRetrieval } from '../../../src/retrieval/retrieval.ts'
import { hashEmbedder } from './hash-embedder.ts'

const stateDir = process.argv[2] as string
const database = await openDatabase({ stateDir })
await migrate(database.db)
const model = hashEmbedder()
const retrieval = createRetrieval({
  database,
  stateDir,
  models: () => [model],
  sharedTenant: 'default',
  log: () => undefined,
  clock: Date.now,
})
const collection = await retrieval.ensureCollection('default', 'docs', { embedding: 'words', kind: 'hnsw' })
for (let round = 0; ; round += 1) {
  const externalId = `doc-${round % 7}.md`
  const text = Array.from(
    { length: 1 + (round % 5) },
    (_, at) => `## Part ${at} of round ${round}\n\n${`word${round} thing${at} `.repeat(60)}`,
  ).join('\n\n')
  await retrieval.ingest(
    collection,
    { externalId, filename: externalId, bytes: new TextEncoder().encode(text), source: 'test' },
    new AbortController().signal,
  )
  console.log(externalId)
}
