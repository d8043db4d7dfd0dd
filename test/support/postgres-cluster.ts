import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const script = resolve(import.meta.dirname, '../../.ci/postgres.sh')

/** Whether a test can have a Postgres server of its own, to stop and start. */
export const havePostgres = Bun.which('pg_ctl') !== null || existsSync('/usr/lib/postgresql')

export type Cluster = AsyncDisposable & {
  url: string
  /** As a crash would: no goodbye to clients. */
  stop(): Promise<void>
  /** On the same port, with the same data. */
  start(): Promise<void>
}

/** A throwaway server in a temporary directory, running. */
export const startCluster = async (): Promise<Cluster> => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-cluster-'))
  const url = await run('start', directory)
  return {
    url,
    stop: async () => void (await run('stop', directory)),
    start: async () => void (await run('start', directory)),
    [Symbol.asyncDispose]: async () => void (await run('remove', directory)),
  }
}

const run = async (command: 'start' | 'stop' | 'remove', directory: string): Promise<string> => {
  const child = Bun.spawn([script, command, directory], { stdout: 'pipe', stderr: 'pipe', stdin: 'ignore' })
  const [output, errors, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  if (code !== 0) throw new Error(`postgres.sh ${command}: ${errors}`)
  return output.trim()
}
