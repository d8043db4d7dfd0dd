import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, type ErrorCode, retryable } from '../lib/errors.ts'
import type { ApiRequest } from './context.ts'

/** Where a running server tells this machine's CLI how to reach it; readable by the server's own user alone. */
export const serverFile = (stateDir: string): string => join(stateDir, 'server.json')

export type ServerFile = { url: string; pid: number; token: string }

/** The application without a listening socket, over state that this process opened. */
export type LocalApp = { fetch(request: Request): Promise<Response> | Response; token: string; close(): Promise<void> }

export type Transport = { request(path: string, init?: ApiRequest): Promise<Response>; close(): Promise<void> }

/** Finds the server once, at the first request: `WEIR_URL`, else the running server of this state folder, else the application in-process. */
export const createTransport = (options: {
  stateDir: string
  environment: Readonly<Record<string, string | undefined>>
  actor: string
  openLocal: () => Promise<LocalApp>
}): Transport => {
  let target: Promise<Target> | undefined
  return {
    request: async (path, init = {}) => {
      target ??= findTarget(options)
      const { send, token } = await target
      const headers = new Headers({ 'x-weir-actor': options.actor, ...init.headers })
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
      if (init.json !== undefined) headers.set('content-type', 'application/json')
      const body = init.json === undefined ? init.body : JSON.stringify(init.json)
      const response = await send(path, { method: init.method ?? 'GET', headers, body: body ?? null, signal: init.signal ?? null })
      if (!response.ok) throw await errorOf(response)
      return response
    },
    close: async () => (await target?.catch(() => undefined))?.close(),
  }
}

type Target = { send: (path: string, init: RequestInit) => Promise<Response>; token: string | undefined; close: () => Promise<void> }

const findTarget = async (options: Parameters<typeof createTransport>[0]): Promise<Target> => {
  const overNetwork = (url: string, token: string | undefined): Target => ({
    send: async (path, init) => {
      try {
        return await fetch(new URL(path, url), init)
      } catch (cause) {
        throw new AppError('unavailable', `no server answers at ${url}`, { cause })
      }
    },
    token,
    close: async () => {},
  })
  const url = options.environment.WEIR_URL
  if (url) return overNetwork(url, options.environment.WEIR_ADMIN_KEY)
  const running = await runningServer(options.stateDir)
  if (running) return overNetwork(running.url, running.token)
  const local = await options.openLocal()
  return {
    send: async (path, init) => local.fetch(new Request(new URL(path, 'http://127.0.0.1'), init)),
    token: local.token,
    close: local.close,
  }
}

/** The server that wrote its address here and is still alive. */
export const runningServer = async (stateDir: string): Promise<ServerFile | undefined> => {
  try {
    const server = JSON.parse(await readFile(serverFile(stateDir), 'utf8')) as ServerFile
    process.kill(server.pid, 0)
    return (await fetch(new URL('/healthz', server.url), { signal: AbortSignal.timeout(2_000) })).ok ? server : undefined
  } catch {
    return undefined // no file, a file of a dead process, or a process that is not our server
  }
}

const errorOf = async (response: Response): Promise<AppError> => {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error: { message: string; code: string | null; param: string | null } }
    const code = error.code && Object.hasOwn(retryable, error.code) ? (error.code as ErrorCode) : 'upstream_rejected'
    return new AppError(code, error.message, { param: error.param ?? undefined })
  } catch {
    return new AppError('upstream_failed', `the server answered ${response.status}: ${text.slice(0, 200)}`)
  }
}
