import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export type Checkout = { commit: string; uncommitted: ReadonlySet<string> }
export type Origin = { git_commit: string; author: string; message: string }

/** The commit a folder is checked out at, and the paths under it that differ from it; undefined when it is in no git checkout. */
export const readCheckout = async (folder: string): Promise<Checkout | undefined> => {
  const commit = await git(folder, ['rev-parse', 'HEAD'])
  if (commit === undefined) return undefined
  const changed = await git(folder, ['diff', 'HEAD', '--name-only', '--relative', '-z'])
  const untracked = await git(folder, ['ls-files', '--others', '-z'])
  return { commit: commit.trim(), uncommitted: new Set(`${changed ?? ''}${untracked ?? ''}`.split('\0').filter((path) => path !== '')) }
}

/**
 * The last commit that touched a prompt or a partial of it, by the prompt's path, which is the first of each list. Prompts with
 * uncommitted changes are left out, as no commit holds what they say.
 */
export const originsOf = async (folder: string, checkout: Checkout, prompts: string[][]): Promise<Record<string, Origin>> => {
  const origins: Record<string, Origin> = {}
  for (const files of prompts) {
    const [path] = files
    if (path === undefined || files.some((file) => checkout.uncommitted.has(file))) continue
    const log = await git(folder, ['log', '-1', '--format=%H%x00%an <%ae>%x00%s', '--', ...files])
    const [commit, author, message] = (log ?? '').trimEnd().split('\0')
    if (commit && author !== undefined && message !== undefined) origins[path] = { git_commit: commit, author, message }
  }
  return origins
}

const run = promisify(execFile)

const git = async (folder: string, options: string[]): Promise<string | undefined> => {
  try {
    return (await run('git', ['-C', folder, ...options], { maxBuffer: 64 * 1024 * 1024 })).stdout
  } catch {
    return undefined // no git, no checkout, or no commit yet: versions are made without an origin
  }
}
