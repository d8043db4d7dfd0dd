import { lookup as lookupHost } from 'node:dns'
import { type ClientRequestArgs, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { AppError } from '../../lib/errors.ts'
import { byContentType } from '../parse/format.ts'
import { isPublicAddress } from './public-address.ts'

export type FetchedDocument = { bytes: Uint8Array; filename: string; url: string }

export type FetchOptions = {
  maxBytes: number
  timeoutMs: number
  /** Replaced only in tests, whose servers are on this machine. */
  isAllowed?: (address: string) => boolean
  lookup?: LookupFunction
}

const maxRedirects = 5

/**
 * Fetches a document from the public internet. The address is checked where the connection is made, so a name that answers differently the second time
 * gains nothing, and again for every redirect. Throws `invalid_request` for an address or type that is not allowed, `payload_too_large`, `timeout`.
 */
export const fetchDocument = async (address: string, options: FetchOptions, signal: AbortSignal): Promise<FetchedDocument> => {
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const either = AbortSignal.any([signal, deadline])
  let url = parseUrl(address)
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    try {
      const response = await get(url, options, either)
      const { statusCode = 0, headers } = response
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy()
        url = parseUrl(headers.location, url)
        continue
      }
      if (statusCode !== 200) {
        response.destroy()
        throw new AppError('invalid_request', `${url.host} answered with status ${statusCode}`)
      }
      const format = formatOfType(headers['content-type'])
      const name = decodeURIComponent(url.pathname.split('/').at(-1) || url.hostname)
      const filename = format === 'text' || /\.[a-z0-9]+$/i.test(name) ? name : `${name}.${format === 'markdown' ? 'md' : format}`
      return { bytes: await readBounded(response, options.maxBytes), filename, url: url.href }
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      if (signal.aborted) throw new AppError('aborted', 'the request was aborted', { cause })
      if (deadline.aborted) throw new AppError('timeout', `${url.host} did not deliver within ${options.timeoutMs / 1000} s`, { cause })
      throw new AppError('invalid_request', `cannot fetch from ${url.host}`, { cause })
    }
  }
  throw new AppError('invalid_request', `more than ${maxRedirects} redirects`)
}

const parseUrl = (address: string, base?: URL): URL => {
  // The URL parser turns decimal, octal and hexadecimal hosts into dotted ones, so they are judged by what they mean.
  const url = URL.parse(address, base)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new AppError('invalid_request', 'only http and https addresses can be fetched')
  if (url.username !== '' || url.password !== '')
    throw new AppError('invalid_request', 'an address with a user name or password is not fetched')
  return url
}

const get = (
  url: URL,
  { isAllowed = isPublicAddress, lookup = lookupHost as LookupFunction }: FetchOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) throw forbidden(url.host)
    const options: ClientRequestArgs = {
      host,
      port: url.port === '' ? undefined : Number(url.port),
      path: url.pathname + url.search,
      headers: { host: url.host, accept: Object.keys(byContentType).join(', '), 'accept-encoding': 'identity', 'user-agent': 'weir' },
      lookup: checkedLookup(lookup, isAllowed, url.host),
      signal,
      agent: false,
    }
    const request =
      url.protocol === 'https:' ? requestHttps({ ...options, servername: isIP(host) === 0 ? host : '' }) : requestHttp(options)
    request.on('response', resolve)
    request.on('error', reject)
    request.end()
  })

/** Resolves a name to allowed addresses only; one that is not allowed among them fails them all. */
const checkedLookup =
  (lookup: LookupFunction, isAllowed: (address: string) => boolean, host: string): LookupFunction =>
  (hostname, options, done) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const found = Array.isArray(addresses) ? addresses : []
      const [first] = found
      if (error !== null || first === undefined) return done(error ?? new Error(`no address for ${hostname}`), [])
      if (found.some(({ address }) => !isAllowed(address))) return done(forbidden(host), [])
      return options.all ? done(null, found) : done(null, first.address, first.family)
    })

const forbidden = (host: string) => new AppError('invalid_request', `${host} is not an address of the public internet`)

const formatOfType = (header: string | undefined) => {
  const type = (header ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? ''
  const format = byContentType[type]
  if (format === undefined) throw new AppError('invalid_request', `the address delivers ${type}, which is no document format`)
  return format
}

const readBounded = async (response: IncomingMessage, maxBytes: number): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Uint8Array).length
    if (bytes > maxBytes) {
      response.destroy()
      throw new AppError('payload_too_large', `the document is larger than ${maxBytes} bytes`)
    }
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks)
}
