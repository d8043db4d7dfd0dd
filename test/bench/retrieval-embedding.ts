import { join } from 'node:path'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { sha256File } from '../../src/lib/hash.ts'
import type { EmbeddingModel } from '../../src/retrieval/embedding.ts'

/** The bundled embedder in its own engine, for benchmarks of the retrieval room without the server around it. */
export const starterEmbedding = async (stateDir: string): Promise<{ model: EmbeddingModel; close(): Promise<void> }> => {
  const directory = join(import.meta.dirname, '../../data/models/starter-embed')
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']
  const files = await Promise.all(names.map(async (path) => ({ path, sha256: await sha256File(join(directory, path)) })))
  const engine = createOnnxEngine({ cacheDir: join(stateDir, 'engine'), log: () => undefined })
  const embedder = engine.embedder({ id: 'starter-embed', directory, files, dimensions: 256, pooling: 'mean', dtype: 'fp32' } as Parameters<
    typeof engine.embedder
  >[0])
  return { model: { embedder, version: files.map(({ sha256 }) => sha256).join() }, close: () => engine.close() }
}
