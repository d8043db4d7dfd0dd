import { mkdir, rename, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sha256 } from '../lib/hash.ts'

/** What the supervisor spawns. */
export type Launch = { command: string; args: string[]; env: Record<string, string> }

export type LaunchOptions = {
  /** Absolute path of the child's TypeScript. */
  entry: string
  runtime: 'auto' | 'node' | 'bun'
  /** A writable directory for the translated child; only Node needs it. */
  cacheDir: string
  env?: Record<string, string>
}

/**
 * A child runs on this very Bun unless Node (20 or later) is asked for. Measured with test/bench/llama-throughput.ts on one thread, the two generate equally
 * fast, and Bun has a model loaded in 0.6 s where Node needs 1.5 s. Node stays a choice for hosts where it fares better: there one libuv pool
 * thread can do all the native work, and Bun always has two. Node 20 cannot read TypeScript, so for it the child is bundled, some
 * 30 ms; packages stay outside, by absolute URL, so that the file may lie anywhere.
 */
export const launchChild = async ({ entry, runtime, cacheDir, env = {} }: LaunchOptions): Promise<Launch> => {
  const node = runtime === 'node' ? await findNode() : undefined
  const childEnv = { ...inheritedEnv(), ...env }
  if (node === undefined && runtime === 'node') throw new Error('no node 20 or later on the PATH')
  if (node === undefined) return { command: process.execPath, args: [entry], env: childEnv }
  return { command: node, args: ['--enable-source-maps', await bundle(entry, cacheDir)], env: childEnv }
}

const bundle = async (entry: string, cacheDir: string): Promise<string> => {
  const built = await Bun.build({
    entrypoints: [entry],
    target: 'node',
    format: 'esm',
    sourcemap: 'inline',
    plugins: [
      {
        name: 'packages by url',
        setup: (build) => {
          build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) =>
            path.startsWith('node:') || !importer
              ? undefined
              : { path: pathToFileURL(Bun.resolveSync(path, importer)).href, external: true },
          )
        },
      },
    ],
  })
  const code = await built.outputs[0]?.text()
  if (!built.success || code === undefined) throw new AggregateError(built.logs, `cannot bundle ${entry}`)
  await mkdir(cacheDir, { recursive: true })
  const path = join(cacheDir, `child-${sha256(code).slice(0, 16)}.mjs`)
  // Renamed into place, because another gateway may start from the same directory at this moment.
  const draft = `${path}.${process.pid}`
  await writeFile(draft, code)
  await rename(draft, path)
  return path
}

let foundNode: Promise<string | undefined> | undefined

/** Every directory of the PATH is asked: `bun --bun` puts itself in front under Node's name. */
const findNode = (): Promise<string | undefined> => {
  foundNode ??= (async () => {
    for (const directory of new Set(process.env.PATH?.split(delimiter))) {
      const node = Bun.which('node', { PATH: directory })
      if (!node) continue
      const probe = Bun.spawn([node, '-p', 'process.versions.bun ? 0 : process.versions.node'], { stdout: 'pipe', stderr: 'ignore' })
      if (Number.parseInt(await new Response(probe.stdout).text(), 10) >= 20) return node
    }
    return undefined
  })()
  return foundNode
}

/** A child parses files and prompts, so it gets no secrets: only what finds libraries, devices and scratch space. */
const inheritedEnv = (): Record<string, string> => {
  const wanted =
    /^(PATH|HOME|TMPDIR|TEMP|TMP|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|SystemRoot|(CUDA|NVIDIA|HIP|ROCR|VK|GGML|OMP|KMP)_\w+)$/
  return Object.fromEntries(Object.entries(process.env).filter(([key, value]) => wanted.test(key) && value !== undefined)) as Record<
    string,
    string
  >
}
