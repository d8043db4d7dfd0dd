import { randomBytes } from 'node:crypto'
import type { Environment } from '../config.ts'
import type { DatabaseHandle } from '../db/database.ts'
import type { Authentication } from '../http/auth.ts'
import { createKeyAdmin, type KeyAdmin } from '../keys/admin.ts'
import { createKeyring } from '../keys/keyring.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../telemetry/log.ts'
import { createAuthentication } from './authentication.ts'

export type Access = {
  keys: KeyAdmin
  authentication: Authentication
  /** Admits this machine's CLI as an admin while this process lives. */
  token: string
  /** Shown once: the secret of the admin key that this very first start issued. */
  firstAdminKey: string | undefined
  close(): Promise<void>
}

type AccessOptions = { database: DatabaseHandle; environment: Environment; serving: boolean; clock: Clock; log: Logger }

/** Who may call. */
export const openAccess = async ({ database, environment, serving, clock, log }: AccessOptions): Promise<Access> => {
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
  const token = randomBytes(32).toString('base64url')
  return {
    keys,
    authentication: createAuthentication({ keyring, token, boundTo: environment.HOST }),
    token,
    firstAdminKey: serving ? await keys.ensureFirstAdminKey({ fromEnv: environment.WEIR_ADMIN_KEY }) : undefined,
    close: keyring.close,
  }
}
