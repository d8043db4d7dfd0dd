import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { quote } from '../../src/retrieval/quote.ts'

const root = resolve(import.meta.dirname, '../..')
const settings = parseConfig(readFileSync(join(root, 'weir.yaml'), 'utf8'), 'weir.yaml', {}).models['starter-embed']
if (!settings || !('files' in settings) || settings.kind !== 'embedding') throw new Error('weir.yaml has no starter-embed')
const scratch = mkdtempSync(join(tmpdir(), 'weir-quote-'))
const engine = createOnnxEngine({ cacheDir: scratch, log: () => {} })
const embedder = engine.embedder({
  id: 'starter-embed',
  directory: join(root, settings.path),
  files: Object.entries(settings.files).map(([path, sha256]) => ({ path, sha256 })),
  dimensions: settings.dimensions,
})
afterAll(async () => {
  await engine.close()
  rmSync(scratch, { recursive: true, force: true })
})

const passage = (heading: string, text: string) => ({
  chunkId: heading,
  documentId: heading,
  externalId: `${heading}.md`,
  title: heading,
  fileId: null,
  attributes: {},
  version: 1,
  ordinal: 0,
  headingPath: [heading],
  text,
  charStart: 0,
  charEnd: text.length,
  page: null,
  tokens: 40,
  score: 0.5,
})
const passages = [
  passage('The harbour', '## Hours\n\nThe harbour office opens at seven in the morning. Boats longer than twelve metres need a pilot.'),
  passage('The ferry', 'The ferry to Ostravel leaves every forty minutes.\n\n- Bicycles travel free of charge.\n- Dogs must wear a leash.'),
]
const ask = (question: string) =>
  quote({ question, passages, embedder, tenant: 'default', requestId: 'q', signal: AbortSignal.timeout(20_000) })

test('quotes the sentence that answers, word for word, with the number of its passage', async () => {
  expect(await ask('When does the harbour office open?')).toBe('The harbour office opens at seven in the morning. [1]')
  expect(await ask('How often does the ferry to Ostravel leave?')).toBe('The ferry to Ostravel leaves every forty minutes. [2]')
  expect(await ask('Do dogs need a leash?')).toBe('Dogs must wear a leash. [2]')
})

test('quotes nothing when no sentence is about the question', async () => {
  expect(await ask('Who wrote the first symphony in this key?')).toBeUndefined()
})
