import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'

const main = resolve(import.meta.dirname, '../../src/main.ts')

export type ServerProcess = {
  url: string
  /** What it told the person who started it. */
  banner: string
  pid: number
  log(): string
  signal(name: NodeJS.Signals): void
  exited: Promise<number>
}

/** A folder with a configuration, in which `weir` commands are run as a user runs them. */
export const createWorkplace = (folder: string, config: object) => {
  mkdirSync(folder, { recursive: true })
  const configure = (next: object) => writeFileSync(join(folder, 'weir.yaml'), stringify(next))
  configure(config)
  const environment = (extra: Record<string, string>) => ({
    ...process.env,
    DATABASE_URL: '',
    WEIR_ADMIN_KEY: '',
    WEIR_URL: '',
    WEIR_STATE_DIR: join(folder, 'state'),
    ...extra,
  })

  const run = async (args: string[], extra: Record<string, string> = {}) => {
    const child = Bun.spawn([process.execPath, main, ...args], { cwd: folder, env: environment(extra), stdout: 'pipe', stderr: 'pipe' })
    const [code, out, notes] = await Promise.all([child.exited, new Response(child.stdout).text(), new Response(child.stderr).text()])
    return { code, out, notes }
  }

  /** Resolves once the server said where it serves; rejects with what it said when it ends before. */
  const start = async (extra: Record<string, string> = {}): Promise<ServerProcess> => {
    const child = Bun.spawn([process.execPath, main, 'up', '--port', '0'], {
      cwd: folder,
      env: environment(extra),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    let log = ''
    let banner = ''
    const follow = async (stream: ReadableStream<Uint8Array>, take: (text: string) => void) => {
      const decoder = new TextDecoder()
      for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }))
    }
    void follow(child.stdout, (text) => {
      log += text
    })
    const url = await new Promise<string>((found, failed) => {
      void follow(child.stderr, (text) => {
        banner += text
        const address = /serves on (\S+)[\s\S]*\n\n$/.exec(banner)?.[1]
        if (address) found(address)
      })
      void child.exited.then((code) => failed(new Error(`weir up ended with ${code}: ${banner}\n${log}`)))
    })
    return { url, banner, pid: child.pid, log: () => log, signal: (name) => child.kill(name), exited: child.exited }
  }

  return { folder, configure, run, start }
}
