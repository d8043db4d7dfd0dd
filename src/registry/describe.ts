import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { AppError } from '../lib/errors.ts'
import { sha256, sha256File } from '../lib/hash.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import { parseCard } from './card.ts'
import { readGguf } from './gguf.ts'
import { type ArtifactFile, makeManifest } from './manifest.ts'
import { type ModelFacts, type ModelFormat, noFacts } from './model-version.ts'

/** Hashes a file, or every file of a folder, and takes it into the store. Throws `invalid_request` when there is nothing to read. */
export const takeIn = async (
  store: ArtifactStore,
  path: string,
  progress: (file: ArtifactFile) => void,
  signal?: AbortSignal,
): Promise<ArtifactFile[]> => {
  const found: ArtifactFile[] = []
  for (const [name, source] of await filesAt(path)) {
    const file = { path: name, size: (await stat(source)).size, sha256: await sha256File(source, signal) }
    await store.put(source, file, signal)
    progress(file)
    found.push(file)
  }
  if (found.length === 0) throw new AppError('invalid_request', `there are no files in ${path}`, { param: 'path' })
  return makeManifest(found)
}

/** What the files themselves tell: format, GGUF header, tokenizer and chat template, model card. */
export const describeFiles = async (
  store: ArtifactStore,
  manifest: readonly ArtifactFile[],
  signal?: AbortSignal,
): Promise<{ format: ModelFormat; facts: ModelFacts; card: string | null }> => {
  const fileNamed = (name: string) => manifest.find((file) => file.path === name)
  const textOf = async (name: string) => {
    const file = fileNamed(name)
    return file && readFile(await store.open(file, signal), 'utf8')
  }
  // The first part of a split model holds the metadata of the whole.
  const weights = manifest.find((file) => file.path.endsWith('.gguf'))
  const gguf = weights ? await readGguf(await store.open(weights, signal)) : null
  const template = (await textOf('chat_template.jinja')) ?? configuredTemplate(await textOf('tokenizer_config.json'))
  const card = (await textOf('README.md')) ?? null
  const { metadata } = parseCard(card ?? '')
  const facts: ModelFacts = {
    ...noFacts,
    gguf,
    chatTemplateSha256: template === undefined ? (gguf?.chatTemplateSha256 ?? null) : sha256(template),
    tokenizerSha256: gguf?.tokenizerSha256 ?? fileNamed('tokenizer.json')?.sha256 ?? null,
    licence: textAt(metadata, 'license_name') ?? textAt(metadata, 'license') ?? gguf?.licence ?? null,
    baseModel: textAt(metadata, 'base_model') ?? null,
  }
  const format = gguf ? 'gguf' : manifest.some((file) => file.path.endsWith('.onnx')) ? 'onnx' : 'other'
  return { format, facts, card }
}

const filesAt = async (path: string): Promise<[name: string, source: string][]> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read ${path}`, { cause, param: 'path' })
  })
  if (found.isFile()) return [[basename(path), path]]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry): [string, string] => [
      relative(path, join(entry.parentPath, entry.name)).split(sep).join('/'),
      join(entry.parentPath, entry.name),
    ])
    .filter(([name]) => !name.split('/').some((part) => part.startsWith('.')))
    .sort()
}

const configuredTemplate = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  try {
    const { chat_template: template } = JSON.parse(text) as { chat_template?: unknown }
    return typeof template === 'string' ? template : template === undefined ? undefined : JSON.stringify(template)
  } catch {
    return undefined // an unreadable tokenizer_config.json is the engine's to refuse; its hash is in the manifest
  }
}

const textAt = (metadata: Record<string, unknown>, key: string): string | undefined => {
  const value = metadata[key]
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.map(String).join(', ') : undefined
}
