import { timingSafeEqual } from 'node:crypto'
import type { Authentication } from '../http/auth.ts'
import type { Keyring } from '../keys/keyring.ts'
import { type Principal, scopes } from '../keys/principal.ts'
import { sha256 } from '../lib/hash.ts'

/** Keys, the token of this machine's CLI, and callers from loopback while no key but the first exists and nobody else can connect. */
export const createAuthentication = (options: { keyring: Keyring; token: string; boundTo: string }): Authentication => {
  const { keyring, boundTo } = options
  const tokenHash = Buffer.from(sha256(options.token))
  const local: Principal = { keyId: null, tenant: 'default', scopes }
  const keyless: Principal = { keyId: null, tenant: 'default', scopes: ['inference'] }
  return {
    authenticate: (secret) => keyring.authenticate(secret) ?? (timingSafeEqual(Buffer.from(sha256(secret)), tokenHash) ? local : undefined),
    keyless: (address) => (isLoopback(boundTo) && isLoopback(address) && keyring.onlyFirstKeyExists() ? keyless : undefined),
  }
}

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === 'localhost' || address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address))
