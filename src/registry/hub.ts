import { AppError } from '../lib/errors.ts'

/** A file of a repository on the hub. `sha256` is known for large files, `gitSha1` (of `blob <size>\0` and the content) for the others. */
export type HubFile = { path: string; size: number; sha256: string | undefined; gitSha1: string }

export type HubOptions = {
  /** `https://huggingface.co` or a mirror with its layout. */
  endpoint: string
  /** Sent to the endpoint alone, never along a redirect to another host. */
  token?: string | undefined
}

/** `hf:owner/name[:quantisation][@revision]`, as in `hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M`. Throws `invalid_request`. */
export const parseHubReference = (text: string): { repo: string; quantisation: string | undefined; revision: string } => {
  const match = /^hf:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?::([\w.-]+))?(?:@([\w./-]+))?$/.exec(text)
  if (match?.[1] === undefined) {
    throw new AppError('invalid_request', `"${text}" is not hf:owner/name, hf:owner/name:quantisation or either with @revision`, {
      param: 'source',
    })
  }
  return { repo: match[1], quantisation: match[2], revision: match[3] ?? 'main' }
}

/** The commit that a branch or tag of a repository stands at. Throws `not_found`, `permission_denied`, `upstream_failed`. */
export const hubCommit = async (hub: HubOptions, repo: string, revision: string, signal: AbortSignal): Promise<string> => {
  const body = (await hubJson(hub, `/api/models/${repo}/revision/${encodeURIComponent(revision)}`, signal)) as { sha?: unknown }
  if (typeof body.sha !== 'string' || !/^[0-9a-f]{40,64}$/.test(body.sha))
    throw new AppError('upstream_failed', `the hub named no commit for ${repo}@${revision}`)
  return body.sha
}

/** Every file of a repository at a commit, over all pages. */
export const hubFiles = async (hub: HubOptions, repo: string, commit: string, signal: AbortSignal): Promise<HubFile[]> => {
  const files: HubFile[] = []
  let next: string | undefined = `/api/models/${repo}/tree/${commit}?recursive=true`
  while (next !== undefined) {
    const response = await hubFetch(hub, hubUrl(hub, next), { signal })
    for (const entry of (await response.json()) as TreeEntry[]) {
      if (entry.type !== 'file') continue
      files.push({ path: entry.path, size: entry.lfs?.size ?? entry.size, sha256: entry.lfs?.oid, gitSha1: entry.oid })
    }
    next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
  }
  return files
}

type TreeEntry = { type: string; path: string; size: number; oid: string; lfs?: { oid: string; size: number } }

/**
 * The weights of a quantisation with all their parts, or the only weights there are, and the card. With `wanted`, exactly those paths and
 * the card. Throws `not_found` that lists what there is.
 */
export const chooseFiles = (files: HubFile[], quantisation: string | undefined, wanted: readonly string[]): HubFile[] => {
  const card = files.filter((file) => file.path === 'README.md')
  if (wanted.length > 0) {
    const missing = wanted.filter((path) => !files.some((file) => file.path === path))
    if (missing.length > 0)
      throw new AppError('not_found', `the repository has no ${missing.join(', ')}; it has ${files.map(({ path }) => path).join(', ')}`)
    return files.filter((file) => wanted.includes(file.path) || file.path === 'README.md')
  }
  const weights = files.filter((file) => file.path.endsWith('.gguf'))
  const named = quantisation === undefined ? weights : weights.filter((file) => hasQuantisation(file.path, quantisation))
  const models = new Set(named.map((file) => file.path.replace(/-\d{5}-of-\d{5}\.gguf$/, '')))
  if (models.size === 1) return [...named, ...card]
  const known = weights.map(({ path }) => path).join(', ') || 'no GGUF files; name the files you want'
  const problem =
    named.length === 0 ? `no weights${quantisation ? ` of quantisation ${quantisation}` : ''}` : 'more than one set of weights'
  throw new AppError('not_found', `the repository has ${problem}: it has ${known}`, { param: 'source' })
}

/** `Q4_K_M` is a word of the file's name: `Q4_K` is not meant by it, nor `IQ4_K_M`. */
const hasQuantisation = (path: string, quantisation: string): boolean =>
  path.toLowerCase().split(/[-./]/).includes(quantisation.toLowerCase())

/** A path of the hub, or a whole address as its `Link` headers have; the endpoint of a mirror may have a path of its own. */
export const hubUrl = ({ endpoint }: HubOptions, path: string): URL =>
  new URL(/^https?:/.test(path) ? path : `${endpoint.replace(/\/+$/, '')}${path}`)

const hubJson = async (hub: HubOptions, path: string, signal: AbortSignal): Promise<unknown> =>
  (await hubFetch(hub, hubUrl(hub, path), { signal })).json()

/** Follows redirects by hand: large files live on other hosts, and the token is not theirs. Throws on every status but 200 and 206. */
export const hubFetch = async (
  hub: HubOptions,
  url: URL,
  init: { signal: AbortSignal; headers?: Record<string, string> },
  hops = 5,
): Promise<Response> => {
  const own = url.origin === new URL(hub.endpoint).origin
  const headers = { ...init.headers, ...(own && hub.token ? { authorization: `Bearer ${hub.token}` } : {}) }
  const response = await fetch(url, { signal: init.signal, headers, redirect: 'manual' }).catch((cause: unknown) => {
    init.signal.throwIfAborted()
    throw new AppError('upstream_failed', `${url.host} does not answer`, { cause })
  })
  const location = response.headers.get('location')
  if (response.status >= 300 && response.status < 400 && location !== null && hops > 0) {
    await response.body?.cancel()
    return hubFetch(hub, new URL(location, url), init, hops - 1)
  }
  if (response.status === 200 || response.status === 206) return response
  await response.body?.cancel()
  if (response.status === 401 || response.status === 403) {
    throw new AppError('permission_denied', `${url.host} refuses ${url.pathname}: it does not exist or needs a token (HF_TOKEN)`)
  }
  if (response.status === 404) throw new AppError('not_found', `${url.host} has no ${url.pathname}`)
  const code = response.status === 429 || response.status >= 500 ? 'upstream_failed' : 'upstream_rejected'
  throw new AppError(code, `${url.host} answered ${response.status} for ${url.pathname}`)
}
