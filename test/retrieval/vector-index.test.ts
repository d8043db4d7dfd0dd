import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { createIndexHost, hostedVectorIndex } from '../../src/retrieval/index/hosted.ts'
import { createPgvectorIndex, hasPgvector } from '../../src/retrieval/index/pgvector.ts'
import { describeDatabases } from '../support/database.ts'
import { vectorIndexContract } from './vector-index.contract.ts'

const host = createIndexHost({ cacheDir: mkdtempSync(join(tmpdir(), 'weir-index-')), log: () => undefined })
afterAll(() => host.close())

for (const kind of ['exact', 'hnsw'] as const) {
  vectorIndexContract(kind, async (indexId, dimensions) => {
    const partition = host.partition({ indexId: `${indexId}-${kind}`, dimensions, vectors: kind, directory: null })
    await partition.open()
    const settled = async () => {
      while ((await partition.stats()).building) await Bun.sleep(20)
      const { serving } = await partition.stats()
      if (serving !== kind) throw new Error(`serving ${serving}, not ${kind}`)
    }
    return { index: hostedVectorIndex(partition), settled }
  })
}

describeDatabases('pgvector', (makeDatabase) => {
  vectorIndexContract(
    'pgvector',
    async (indexId, dimensions) => {
      const { db } = await makeDatabase()
      return (await hasPgvector(db)) ? { index: await createPgvectorIndex(db, indexId, dimensions) } : undefined
    },
    // Its graph grows inside PGlite, 15 times slower than hnswlib's.
    1000,
  )
})
