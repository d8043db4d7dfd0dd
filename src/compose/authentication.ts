import { timingSafeEqual } from 'node:crypto'
import type { Authentication } from '../http/auth.ts'
import type { Keyring } from '../keys/keyring.ts'
import { isToken, type Oidc } from '../keys/oidc.ts'
import { type Principal, scopes } from '../keys/principal.ts'
import { sha256 } from '../lib/hash.ts'

/** Keys, tokens of an identity provider, the token of this machine's CLI, and callers from loopback while no key but the first exists and nobody else can connect. */
export const createAuthentication = (options: AuthenticationOptions): Authentication => {
  const { keyring, oidc, boundTo } = options
  const tokenHash = Buffer.from(sha256(options.token))
  const local: Principal = { keyId: null, tenant: 'default', scopes }
  const keyless: Principal = { keyId: null, tenant: 'default', scopes: ['inference'] }
  return {
    authenticate: (secret) => {
      const known = keyring.authenticate(secret)
      if (known !== undefined) return known
      if (timingSafeEqual(Buffer.from(sha256(secret)), tokenHash)) return local
      return isToken(secret) ? oidc()?.verify(secret) : undefined
    },
    knowsOrigin: keyring.knowsOrigin,
    keyless: (address) => (isLoopback(boundTo) && isLoopback(address) && keyring.onlyFirstKeyExists() ? keyless : undefined),
  }
}

type AuthenticationOptions = {
  keyring: Pick<Keyring, 'authenticate' | 'knowsOrigin' | 'onlyFirstKeyExists'>
  /** Undefined while no identity provider is configured. */
  oidc: () => Oidc | undefined
  token: string
  boundTo: string
}

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === 'localhost' || address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address))
