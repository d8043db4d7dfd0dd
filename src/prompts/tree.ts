import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { AppError } from '../lib/errors.ts'
import type { FindPartial, PartialSource } from './closure.ts'
import { nameKey, nameOfPath } from './names.ts'
import { type Problem, PromptFileError } from './problem.ts'

/** A file as it travels from a checkout to the server: its path under `prompts/` and its text. */
export type TreeFile = { path: string; text: string }

/** The prompts and partials of one checkout, by name. */
export type PromptTree = { prompts: Map<string, TreeFile & { name: string }>; partials: Map<string, PartialSource> }

/** Every `.prompt` file under a folder, in order of path. Throws `invalid_request` when the folder or a file cannot be read. */
export const readTreeFiles = async (folder: string): Promise<TreeFile[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read the folder ${folder}`, { cause })
  })
  const paths = entries
    .filter((entry) => entry.name.endsWith('.prompt') && !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
  return Promise.all(paths.map(async (path) => ({ path, text: await readText(join(folder, path), path) })))
}

/** Names the files. Throws PromptFileError for paths that name nothing, two files of one name, and text that is not text. */
export const namePromptTree = (files: TreeFile[]): PromptTree => {
  const tree: PromptTree = { prompts: new Map(), partials: new Map() }
  const owners = new Map<string, string>()
  const problems: Problem[] = []
  for (const { path, text } of files) {
    const found = nameOfPath(path)
    const problem = (message: string) => problems.push({ file: path, line: 1, column: 1, rule: 'name', message })
    if (found === undefined) {
      problem('a path has folders and a name of letters, digits, _, - and dots, and ends in .prompt')
      continue
    }
    if (text.includes('\0') || !text.isWellFormed()) {
      problem('the text has a NUL or half a surrogate pair, which no database keeps')
      continue
    }
    const key = `${found.kind}:${nameKey(found.name)}`
    const owner = owners.get(key)
    if (owner !== undefined) {
      problem(`${owner} already has this name (names that differ only in case are one name)`)
      continue
    }
    owners.set(key, path)
    if (found.kind === 'prompt') tree.prompts.set(found.name, { name: found.name, path, text })
    else tree.partials.set(found.name, { name: found.name, path, text })
  }
  if (problems.length > 0) throw new PromptFileError(problems)
  return tree
}

export const partialFinder =
  (tree: PromptTree): FindPartial =>
  (name) =>
    tree.partials.get(name)

const readText = async (path: string, shown: string): Promise<string> => {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read ${shown}`, { cause })
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('invalid_request', `${shown} is not UTF-8 text`, { cause })
  }
}
