import { connect } from 'node:net'
import { AppError } from '../../lib/errors.ts'
import type { Observation } from '../chat-model.ts'
import { faultIn, type HostFault, hostError, retryAfterMsOf } from './host-error.ts'

export type ConnectionOptions = {
  /** Named in errors: the model or provider as configured. */
  name: string
  /** Such as `https://api.openai.com/v1`. */
  baseUrl: string
  headers: Record<string, string>
}

export type Call = { signal: AbortSignal; observe?: ((observation: Observation) => void) | undefined }

/** How to reach one host: posts JSON, and turns whatever goes wrong on the way into an AppError, once. */
export type Connection = {
  name: string
  /** A 2xx answer; any other throws. */
  post(path: string, body: unknown, call: Call): Promise<Response>
  /** The whole body, parsed. */
  json(response: Response, call: Call): Promise<unknown>
  /** Anything thrown while talking to the host, as an AppError. */
  failure(error: unknown, signal: AbortSignal): AppError
}

/** Bodies past this are no chat answer. */
const maxAnswerBytes = 64 * 1024 * 1024
const maxErrorBytes = 64 * 1024
/** A host that accepted a connection this recently is taken to be there. */
const reachableForMs = 30_000

export const createConnection = ({ name, baseUrl, headers }: ConnectionOptions): Connection => {
  const base = baseUrl.replace(/\/+$/, '')
  const allHeaders = { 'content-type': 'application/json', ...headers }
  const secrets = Object.values(headers)
    .flatMap((value) => value.split(' '))
    .filter((word) => word.length >= 8)
  const viaProxy = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((variable) => process.env[variable] !== undefined)
  let reachedAtMs = viaProxy ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY

  const failure = (error: unknown, signal: AbortSignal): AppError => {
    if (error instanceof AppError) return error
    if (signal.aborted) return new AppError('aborted', 'the request was aborted', { cause: signal.reason })
    return new AppError('upstream_failed', `${name} ${connectionFault(error)}`, { cause: error })
  }
  return {
    name,
    failure,
    async post(path, body, { signal, observe }) {
      try {
        if (performance.now() - reachedAtMs > reachableForMs) {
          observe?.({ type: 'connecting' })
          await reach(new URL(base), signal)
          observe?.({ type: 'connected' })
        }
        // No redirects: the key would follow. No timeout of Bun's own (5 minutes): ours are chosen and named.
        const init = {
          method: 'POST',
          headers: allHeaders,
          body: JSON.stringify(body),
          signal,
          redirect: 'manual',
          timeout: false,
        } as const
        const response = await fetch(base + path, init)
        reachedAtMs = Math.max(reachedAtMs, performance.now())
        if (response.ok) return response
        throw hostError(name, response.status, await faultOf(response, secrets), retryAfterMsOf(response.headers, Date.now()))
      } catch (error) {
        throw failure(error, signal)
      }
    },
    async json(response, { signal }) {
      try {
        return JSON.parse(await textOf(response, maxAnswerBytes))
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw failure(error, signal)
        const type = response.headers.get('content-type') ?? 'nothing'
        throw new AppError('upstream_failed', `${name} sent an answer that is not JSON`, {
          cause: new Error(`declared as ${type}: ${error.message}`),
        })
      }
    },
  }
}

/**
 * Waits until the host accepts a TCP connection, because `fetch` cannot tell a host that is slow to answer from one that is not there.
 * A refusal is left to `fetch`, which words it better.
 */
const reach = ({ protocol, hostname, port }: URL, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) })
    const done = (settle: () => void) => () => {
      signal.removeEventListener('abort', stop)
      socket.destroy()
      settle()
    }
    const stop = done(() => reject(new AppError('aborted', 'the request was aborted', { cause: signal.reason })))
    socket.once('connect', done(resolve))
    socket.on('error', done(resolve))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })

const connectionFault = (error: unknown): string => {
  const code = String((error as { code?: unknown } | null)?.code ?? '')
  if (code === 'ECONNREFUSED') return 'refused the connection'
  if (/^(ENOTFOUND|EAI_)/.test(code)) return 'has an address that cannot be resolved'
  if (/CERT|SELF_SIGNED|TLS|SSL|EPROTO/.test(code)) return 'failed the TLS handshake'
  return 'closed the connection'
}

/** What the host says went wrong. Some hosts quote the key they were given: it is struck out before anything is kept. */
const faultOf = async (response: Response, secrets: string[]): Promise<HostFault> => {
  const quoted = await textOf(response, maxErrorBytes).catch(() => '')
  const body = secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), quoted)
  try {
    return faultIn(JSON.parse(body)) ?? {}
  } catch {
    // A page of HTML from a proxy in between: the start of it is for the log.
    return { message: response.status === 400 || response.status === 422 ? undefined : body.slice(0, 200) || undefined }
  }
}

const textOf = async (response: Response, maxBytes: number): Promise<string> => {
  const declared = Number(response.headers.get('content-length') ?? Number.NaN)
  if (declared <= maxBytes) return response.text()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new AppError('upstream_failed', 'the model host sent an answer too large to read')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
