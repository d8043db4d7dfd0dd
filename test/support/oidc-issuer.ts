import { exportJWK, generateKeyPair, type JWK } from 'jose'

/** An OpenID provider on this machine, which counts how often it is asked. */
export const startOidcIssuer = async () => {
  const pairs = { a: await generateKeyPair('RS256', { extractable: true }), b: await generateKeyPair('ES256', { extractable: true }) }
  const published: JWK[] = [
    { ...(await exportJWK(pairs.a.publicKey)), kid: 'a', alg: 'RS256', use: 'sig' },
    { ...(await exportJWK(pairs.b.publicKey)), kid: 'b', alg: 'ES256', use: 'sig' },
  ]
  const asked: string[] = []
  let isUp = true
  const server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request): Response => {
      const issuer = server.url.origin
      const { pathname } = new URL(request.url)
      asked.push(pathname)
      if (!isUp) return new Response('no', { status: 503 })
      if (pathname === '/keys') return Response.json({ keys: published })
      if (pathname === '/.well-known/openid-configuration') return Response.json({ issuer, jwks_uri: `${issuer}/keys` })
      return new Response(null, { status: 404 })
    },
  })
  const up = (now: boolean) => {
    isUp = now
  }
  return { pairs, asked, publish: (key: JWK) => void published.push(key), issuer: server.url.origin, up, close: () => server.stop(true) }
}

export type OidcIssuer = Awaited<ReturnType<typeof startOidcIssuer>>
