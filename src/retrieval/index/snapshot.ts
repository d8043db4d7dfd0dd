import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf, sha256File } from '../../lib/hash.ts'
import { HnswGraph, type HnswParameters } from './hnsw.ts'
import { decodeText, encodeText } from './text-file.ts'
import type { TextIndex } from './text-index.ts'
import type { VectorStore } from './vector-index.ts'

/** Which index a file belongs to, and how its graph was built. A snapshot with another answer is not ours. */
export type SnapshotSpec = { indexId: string; dimensions: number; hnsw: HnswParameters }

export type LoadedSnapshot = { seq: number; graph: HnswGraph; text: TextIndex }

/** The file next to a graph. hnswlib stores neither dimension, space nor checksum, and loads garbage without an error. */
type Sidecar = {
  format: 1
  library: 'hnswlib-node@3'
  space: 'ip'
  spec: SnapshotSpec
  count: number
  removed: number[]
  /** Last entry of the change log that the graph holds. */
  lastSeq: number
  files: { [name: string]: { bytes: number; sha256: string } }
}

const keptSnapshots = 2

/**
 * Writes graph and text index as `<seq>.graph`, `<seq>.text` and, last, `<seq>.json`: each to a temporary name, read back, flushed to disk, renamed.
 * A snapshot without its sidecar does not exist, so a crash at any point leaves the one before.
 */
export const writeSnapshot = async (
  directory: string,
  spec: SnapshotSpec,
  seq: number,
  graph: HnswGraph,
  text: TextIndex,
): Promise<void> => {
  mkdirSync(directory, { recursive: true })
  const removed = graph.removedLabels()
  const drafts = { [`${seq}.graph`]: join(directory, `${seq}.graph.tmp`), [`${seq}.text`]: join(directory, `${seq}.text.tmp`) }
  graph.write(drafts[`${seq}.graph`] as string)
  writeFileSync(drafts[`${seq}.text`] as string, encodeText(text))
  const readBack = HnswGraph.read(drafts[`${seq}.graph`] as string, spec.dimensions, spec.hnsw, removed)
  if (readBack.count !== graph.count || !findsItself(readBack)) throw new Error('the written graph does not read back')
  const files: Sidecar['files'] = {}
  for (const [name, draft] of Object.entries(drafts)) {
    flush(draft)
    files[name] = { bytes: statSync(draft).size, sha256: await sha256File(draft) }
    renameSync(draft, join(directory, name))
  }
  const sidecar: Sidecar = { format: 1, library: 'hnswlib-node@3', space: 'ip', spec, count: graph.count, removed, lastSeq: seq, files }
  const draft = join(directory, `${seq}.json.tmp`)
  writeFileSync(draft, JSON.stringify({ ...sidecar, sha256: hashOf(sidecar) }))
  flush(draft)
  renameSync(draft, join(directory, `${seq}.json`))
  flush(directory)
  forgetOld(directory)
}

/** The newest snapshot that is whole and ours, or undefined; every refusal is reported with its reason. */
export const readSnapshot = async (
  directory: string,
  spec: SnapshotSpec,
  refused: (file: string, reason: string) => void,
): Promise<LoadedSnapshot | undefined> => {
  for (const seq of sequencesIn(directory)) {
    try {
      return await readOne(directory, spec, seq)
    } catch (error) {
      refused(`${seq}.json`, error instanceof Error ? error.message : String(error))
    }
  }
  return undefined
}

/** Whether stored vectors are found by themselves: a last check that a graph searches, not only loads. */
export const findsItself = (store: VectorStore, probes = 5): boolean => {
  const labels = store.labels()
  const step = Math.max(1, Math.floor(labels.length / probes))
  for (let at = 0; at < labels.length; at += step) {
    const vector = store.vectorOf(labels[at] as number)
    const best = vector === undefined ? undefined : store.search(vector, 1)[0]
    if (best === undefined || !(Math.abs(best.score - 1) < 1e-3)) return false
  }
  return true
}

const readOne = async (directory: string, spec: SnapshotSpec, seq: number): Promise<LoadedSnapshot> => {
  const { sha256, ...sidecar } = JSON.parse(readFileSync(join(directory, `${seq}.json`), 'utf8')) as Sidecar & { sha256: string }
  if (hashOf(sidecar) !== sha256) throw new Error('the sidecar does not match its checksum')
  if (sidecar.format !== 1 || hashOf(sidecar.spec) !== hashOf(spec)) throw new Error('written for another index or by another version')
  for (const [name, { bytes, sha256: expected }] of Object.entries(sidecar.files)) {
    const path = join(directory, name)
    if (statSync(path).size !== bytes) throw new Error(`${name} has ${statSync(path).size} bytes, not ${bytes}`)
    if ((await sha256File(path)) !== expected) throw new Error(`${name} does not match its checksum`)
  }
  const graph = HnswGraph.read(join(directory, `${seq}.graph`), spec.dimensions, spec.hnsw, sidecar.removed)
  if (graph.count !== sidecar.count) throw new Error(`the graph holds ${graph.count} vectors, not ${sidecar.count}`)
  return { seq: sidecar.lastSeq, graph, text: decodeText(readFileSync(join(directory, `${seq}.text`))) }
}

const sequencesIn = (directory: string): number[] => {
  try {
    const names = readdirSync(directory).filter((name) => /^\d+\.json$/.test(name))
    return names.map((name) => Number.parseInt(name, 10)).sort((left, right) => right - left)
  } catch {
    return []
  }
}

const forgetOld = (directory: string): void => {
  const kept = new Set(sequencesIn(directory).slice(0, keptSnapshots).map(String))
  for (const name of readdirSync(directory)) {
    const seq = /^(\d+)\.(?:json|graph|text)(\.tmp)?$/.exec(name)
    if (seq?.[1] !== undefined && (seq[2] !== undefined || !kept.has(seq[1]))) rmSync(join(directory, name), { force: true })
  }
}

const flush = (path: string): void => {
  const file = openSync(path, 'r')
  fsyncSync(file)
  closeSync(file)
}
