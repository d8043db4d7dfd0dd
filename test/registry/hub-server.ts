import { createHash } from 'node:crypto'
import { sha256 } from '../../src/lib/hash.ts'

export type HubServer = AsyncDisposable & {
  url: string
  /** `METHOD path range`, in order. */
  requests: string[]
  /** Cuts the next download of a file short, once per entry, after so many bytes. */
  cuts: number[]
  /** What is sent instead of a file's content. */
  corrupt: Map<string, Uint8Array>
  ignoreRange: boolean
}

/** A hub in the layout of huggingface.co: tree API in pages, large files behind a redirect to another host, ranges, git and LFS hashes. */
export const startHub = (repo: string, files: Record<string, { content: Uint8Array; lfs: boolean }>, token?: string): HubServer => {
  const commit = 'c0ffee00'.repeat(5)
  const state = { requests: [] as string[], cuts: [] as number[], corrupt: new Map<string, Uint8Array>(), ignoreRange: false }
  const log = (request: Request) => {
    const { pathname, search } = new URL(request.url)
    state.requests.push(`${request.method} ${pathname}${search} ${request.headers.get('range') ?? ''}`.trim())
  }
  const send = (request: Request, path: string): Response => {
    const content = state.corrupt.get(path) ?? files[path]?.content ?? new Uint8Array()
    const from = state.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0)
    const cut = state.cuts.shift()
    const rest = content.slice(from, cut === undefined ? undefined : from + cut)
    const headers = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : undefined
    return new Response(rest, headers ? { status: 206, headers } : {})
  }
  const elsewhere = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request): Response {
      log(request)
      if (request.headers.has('authorization')) return new Response('the token is not ours', { status: 400 })
      return send(request, decodeURIComponent(new URL(request.url).pathname.slice(1)))
    },
  })
  const tree = Object.entries(files).map(([path, { content, lfs }]) => ({
    type: 'file',
    path,
    size: content.length,
    oid: createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex'),
    ...(lfs ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } } : {}),
  }))
  const half = Math.ceil(tree.length / 2)
  const hub = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request): Response {
      log(request)
      if (token !== undefined && request.headers.get('authorization') !== `Bearer ${token}`) return new Response('', { status: 401 })
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === `/api/models/${repo}/revision/main`) return Response.json({ sha: commit })
      if (pathname === `/api/models/${repo}/tree/${commit}`) {
        if (searchParams.get('cursor') === '2') return Response.json(tree.slice(half))
        return Response.json([{ type: 'directory', path: 'onnx', size: 0, oid: '' }, ...tree.slice(0, half)], {
          headers: { link: `<${new URL(`${pathname}?recursive=true&cursor=2`, request.url).href}>; rel="next"` },
        })
      }
      const path = decodeURIComponent(pathname.replace(`/${repo}/resolve/${commit}/`, ''))
      const file = files[path]
      if (file === undefined) return new Response('', { status: 404 })
      if (!file.lfs) return send(request, path)
      return new Response(null, {
        status: 302,
        headers: { location: new URL(encodeURIComponent(path), elsewhere.url).href, 'x-linked-etag': sha256(file.content) },
      })
    },
  })
  return Object.assign(state, {
    url: hub.url.origin,
    [Symbol.asyncDispose]: async () => {
      await hub.stop(true)
      await elsewhere.stop(true)
    },
  })
}
