import { randomBytes } from 'node:crypto'
import type { WeirConfig } from '../config/schema.ts'
import type { Environment } from '../config.ts'
import type { DatabaseHandle } from '../db/database.ts'
import type { Authentication } from '../http/auth.ts'
import { createKeyAdmin, type KeyAdmin } from '../keys/admin.ts'
import { createKeyring } from '../keys/keyring.ts'
import { createOidc, type Oidc } from '../keys/oidc.ts'
import { createProjectAdmin, type ProjectAdmin } from '../keys/projects.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../telemetry/log.ts'
import { createAuthentication } from './authentication.ts'

export type Access = {
  keys: KeyAdmin
  projects: ProjectAdmin
  authentication: Authentication
  /** The organisation that a tenant belongs to; null when to none. */
  organisationOf: (tenant: string) => string | null
  /** Admits this machine's CLI as an admin while this process lives. */
  token: string
  /** Shown once: the secret of the admin key that this very first start issued. */
  firstAdminKey: string | undefined
  close(): Promise<void>
}

type AccessOptions = {
  database: DatabaseHandle
  environment: Environment
  auth: () => WeirConfig['auth']
  serving: boolean
  clock: Clock
  log: Logger
}

/** Who may call. */
export const openAccess = async ({ database, environment, auth, serving, clock, log }: AccessOptions): Promise<Access> => {
  const { db, listen, kind } = database
  const keyring = createKeyring({
    db,
    listen,
    clock,
    pollMs: kind === 'pglite' ? null : undefined,
    onError: (error) => log.warn({ err: error }, 'keys could not be read again'),
  })
  await keyring.start()
  const keys = createKeyAdmin({ db, clock, changed: keyring.refresh })
  const projects = createProjectAdmin({ db, clock, changed: keyring.refresh })
  const oidc = configured(
    () => auth().oidc,
    (given) => createOidc({ settings: oidcSettings(given), clock, organisationOf: keyring.organisationOf }),
  )
  const token = randomBytes(32).toString('base64url')
  return {
    keys,
    projects,
    organisationOf: keyring.organisationOf,
    authentication: createAuthentication({ keyring, oidc, token, boundTo: environment.HOST }),
    token,
    firstAdminKey: serving ? await keys.ensureFirstAdminKey({ fromEnv: environment.WEIR_ADMIN_KEY }) : undefined,
    close: keyring.close,
  }
}

type OidcConfig = NonNullable<WeirConfig['auth']['oidc']>

const oidcSettings = ({ issuer, audience, jwks_uri, tenant_claim, scopes_claim, scopes }: OidcConfig) => ({
  issuer,
  audience,
  jwksUri: jwks_uri,
  tenantClaim: tenant_claim,
  scopesClaim: scopes_claim,
  scopeNames: scopes,
})

/** Made anew when the configuration is: the keys that were fetched are then fetched again. */
const configured = (read: () => OidcConfig | undefined, make: (given: OidcConfig) => Oidc): (() => Oidc | undefined) => {
  let last: { given: OidcConfig; made: Oidc } | undefined
  return () => {
    const given = read()
    if (given === undefined) return undefined
    if (last?.given !== given) last = { given, made: make(given) }
    return last.made
  }
}
