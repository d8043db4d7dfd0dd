import { setImmediate } from 'node:timers/promises'
import { sha256 } from '../lib/hash.ts'
import { lintPrompt } from './lint.ts'
import { distinctProblems, type Problem, PromptFileError } from './problem.ts'
import type { Prompt } from './prompt.ts'
import { namePromptTree, type PromptTree, partialFinder, type TreeFile } from './tree.ts'

/** What the database holds of one prompt, as far as a plan needs to know. */
export type StoredHead = {
  name: string
  archived: boolean
  /** Version that the last sync found in the tree. */
  version: number
  /** Of the text the last sync found. */
  contentHash: string
  /** Name of each partial → hash of its text. */
  partials: Record<string, string>
}

/** A prompt of the tree that is not the stored head to the letter. */
export type TouchedPrompt = { name: string; path: string; text: string; prompt: Prompt | undefined; head: StoredHead | undefined }

export type TreeChanges = { touched: TouchedPrompt[]; gone: StoredHead[]; unchanged: number }

/**
 * Compares a tree with the stored heads. Files whose bytes and partials are those of the head are not read again. Throws PromptFileError
 * with the problems of all files, so that nothing is half applied; an empty tree is refused, as it would archive everything.
 */
export const compareTree = async (files: TreeFile[], heads: ReadonlyMap<string, StoredHead>): Promise<TreeChanges> => {
  const tree = namePromptTree(files)
  if (tree.prompts.size === 0) {
    const message = 'there are no prompts here, and a sync of nothing would archive every prompt'
    throw new PromptFileError([{ file: '.', line: 1, column: 1, rule: 'name', message }])
  }
  const partialHashes = new Map([...tree.partials].map(([name, { text }]) => [name, sha256(text)]))
  const problems: Problem[] = []
  const changes: TreeChanges = { touched: [], gone: goneFrom(tree, heads), unchanged: 0 }
  for (const file of tree.prompts.values()) {
    const head = heads.get(file.name)
    const same = head !== undefined && isHead(file, head, partialHashes)
    if (same && !head.archived) {
      changes.unchanged += 1
      continue
    }
    // Reading a prompt takes milliseconds, and a server that syncs is serving too.
    await setImmediate()
    const { prompt, problems: found } = same ? { prompt: undefined, problems: [] } : lintPrompt(file, partialFinder(tree))
    problems.push(...found)
    changes.touched.push({ ...file, prompt, head })
  }
  if (problems.length > 0) throw new PromptFileError(distinctProblems(problems))
  return changes
}

/**
 * - `create`, `update`: a new version.
 * - `restore`: the tree went back to a version that exists, or a prompt came back from the archive as it was.
 * - `reformat`: other bytes that mean the same; no new version.
 * - `archive`: the file is gone. Versions and labels stay.
 */
export type Change =
  | { kind: 'create' | 'update'; name: string; path: string; text: string; prompt: Prompt; from: number | null; to: number }
  | { kind: 'restore' | 'reformat'; name: string; from: number; to: number; contentHash: string }
  | { kind: 'archive'; name: string; from: number }

export type SyncPlan = { changes: Change[]; unchanged: number }

/** Decides what a sync does. `versions`: closure hash → version, for each touched prompt that is stored. */
export const planSync = (changes: TreeChanges, versions: ReadonlyMap<string, ReadonlyMap<string, number>>): SyncPlan => ({
  changes: [
    ...changes.touched.map((touched) => planOne(touched, versions.get(touched.name) ?? new Map())),
    ...changes.gone.map(({ name, version }): Change => ({ kind: 'archive', name, from: version })),
  ],
  unchanged: changes.unchanged,
})

const planOne = ({ name, path, text, prompt, head }: TouchedPrompt, versions: ReadonlyMap<string, number>): Change => {
  const known = prompt ? versions.get(prompt.closureHash) : head?.version
  if (head !== undefined && known !== undefined) {
    const kind = known === head.version && !head.archived ? 'reformat' : 'restore'
    return { kind, name, from: head.version, to: known, contentHash: sha256(text) }
  }
  if (prompt === undefined) throw new Error(`${name} is neither stored nor read`)
  const to = Math.max(0, ...versions.values()) + 1
  return { kind: head ? 'update' : 'create', name, path, text, prompt, from: head?.version ?? null, to }
}

const isHead = (file: TreeFile, head: StoredHead, partialHashes: ReadonlyMap<string, string>): boolean =>
  sha256(file.text) === head.contentHash && Object.entries(head.partials).every(([name, hash]) => partialHashes.get(name) === hash)

const goneFrom = (tree: PromptTree, heads: ReadonlyMap<string, StoredHead>): StoredHead[] =>
  [...heads.values()].filter((head) => !head.archived && !tree.prompts.has(head.name))
