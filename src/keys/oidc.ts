import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { sha256 } from '../lib/hash.ts'
import { type Principal, type Scope, scopes, tenantName } from './principal.ts'

/** Whose tokens are believed, and what their claims mean here. */
export type OidcSettings = {
  /** As `iss` has it, and where `/.well-known/openid-configuration` is read when there is no `jwksUri`. */
  issuer: string
  /** One of these must be in `aud`: tokens for other services are not for this one. */
  audience: readonly string[]
  jwksUri?: string | undefined
  /** The claim that names the tenant. */
  tenantClaim: string
  /** The claim with the scopes, as a list or separated by spaces; without it a token may infer and nothing else. */
  scopesClaim?: string | undefined
  /** What the provider calls our scopes. */
  scopeNames: Readonly<Record<Scope, string>>
}

export type OidcOptions = {
  settings: OidcSettings
  clock: Clock
  organisationOf: (tenant: string) => string | null
  /** Milliseconds between two fetches of keys for a `kid` that is not known. */
  againMs?: number | undefined
}

export type Oidc = {
  /** Who holds a token. Throws `invalid_api_key` for one that is not valid now and here, `unavailable` while its keys cannot be had. */
  verify(token: string): Promise<Principal>
}

/** Whether a secret looks like a signed token, which our own secrets never do. */
export const isToken = (secret: string): boolean => /^ey[\w-]+\.[\w-]+\.[\w-]+$/.test(secret)

/**
 * Verifies tokens of one OpenID provider (RFC 7519, RFC 9068) with its published keys. Keys are kept for ten minutes and fetched anew for an
 * unknown `kid`, at most twice a minute, whoever makes them up. Only signatures with a public key count: a token that is signed with the
 * public key as a shared secret, or not at all, is refused by its `alg` alone.
 */
export const createOidc = (options: OidcOptions): Oidc => {
  const { settings, clock, organisationOf, againMs = 30_000 } = options
  /** By the hash of the token: to verify a signature takes as long as the rest of the gateway does. */
  const verified = new LRUCache<string, { holder: Holder; untilMs: number }>({ max: 5_000 })
  let keys: Promise<JWTVerifyGetKey> | undefined

  const findKeys = (): Promise<JWTVerifyGetKey> => {
    keys ??= jwksUriOf(settings).then(
      (uri) => createRemoteJWKSet(new URL(uri), { timeoutDuration: waitMs, cooldownDuration: againMs, cacheMaxAge: 600_000 }),
      (error) => {
        keys = undefined
        throw error
      },
    )
    return keys
  }

  const holderOf = async (token: string): Promise<Holder> => {
    const hash = sha256(token)
    const known = verified.get(hash)
    if (known !== undefined && clock() < known.untilMs) return known.holder
    const { payload } = await jwtVerify(token, await findKeys(), {
      issuer: settings.issuer,
      audience: [...settings.audience],
      algorithms,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(clock()),
      clockTolerance: toleranceS,
    })
    const holder = readClaims(payload, settings)
    verified.set(hash, { holder, untilMs: Math.min(((payload.exp ?? 0) + toleranceS) * 1000, clock() + believedMs) })
    return holder
  }

  return {
    verify: async (token) => {
      try {
        const holder = await holderOf(token)
        return { ...holder, organisation: organisationOf(holder.tenant) }
      } catch (error) {
        throw translated(error)
      }
    },
  }
}

type Holder = Omit<Principal, 'organisation'>

/** Of the clocks of others. */
const toleranceS = 5
/** How long a verified token is believed without another look at the provider's keys. */
const believedMs = 60_000
const waitMs = 5000

/** Asymmetric ones alone. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** OpenID Connect Discovery 1.0 §4.3: the document must name the issuer that it was asked of. */
const jwksUriOf = async ({ issuer, jwksUri }: OidcSettings): Promise<string> => {
  if (jwksUri !== undefined) return jwksUri
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(waitMs) })
  if (!response.ok) throw new Error(`${address} answered ${response.status}`)
  const found = z.object({ issuer: z.literal(issuer), jwks_uri: z.url() }).parse(await response.json())
  return found.jwks_uri
}

const readClaims = (payload: JWTPayload, settings: OidcSettings): Holder => {
  const { sub = '' } = payload
  const tenant = payload[settings.tenantClaim]
  if (!/^[\x21-\x7e]{1,255}$/.test(sub)) throw refused('has no usable subject')
  if (typeof tenant !== 'string' || !tenantName.test(tenant)) throw refused(`has no project in the claim ${settings.tenantClaim}`)
  return { keyId: `oidc:${sub}`, tenant, scopes: scopesOf(payload, settings) }
}

const scopesOf = (payload: JWTPayload, { scopesClaim, scopeNames }: OidcSettings): Scope[] => {
  if (scopesClaim === undefined) return ['inference']
  const claim = payload[scopesClaim]
  const granted = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : []
  return scopes.filter((scope) => granted.includes(scopeNames[scope]))
}

const refused = (why: string, cause?: unknown): AppError => new AppError('invalid_api_key', `the token ${why}`, { cause })

const translated = (error: unknown): AppError => {
  if (error instanceof AppError) return error
  if (error instanceof errors.JWTExpired) return refused('has expired', error)
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`has the wrong ${error.claim}`, error)
  if (error instanceof errors.JWKSNoMatchingKey) return refused('is signed with a key that its issuer does not publish', error)
  const isOurs = error instanceof errors.JOSEError && !unreachable.has(error.code)
  if (isOurs) return refused('is not valid', error)
  return new AppError('unavailable', 'tokens cannot be verified now', { cause: error, retryAfterMs: 1000 })
}

/** The provider's fault, not the token's. */
const unreachable: ReadonlySet<string> = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])
