import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Redis or Valkey server's binary on this machine, if there is one. */
export const redisBinary = Bun.which('valkey-server') ?? Bun.which('redis-server')

/** A throwaway server of it, in memory alone, behind a password. */
export const startRedis = async (binary: string): Promise<{ url: string } & AsyncDisposable> => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-redis-'))
  const port = await freePort()
  const password = Bun.randomUUIDv7()
  const args = [
    '--requirepass',
    password,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ]
  const child = Bun.spawn([binary, ...args], { stdout: 'pipe', stderr: 'inherit' })
  let said = ''
  for await (const bytes of child.stdout) {
    said += new TextDecoder().decode(bytes)
    if (/ready to accept connections/i.test(said)) break
  }
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
