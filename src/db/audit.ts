import { uuidv7 } from '../lib/ids.ts'
import type { Database } from './database.ts'
import { auditEvents } from './schema/serve.ts'

/** An admin action: who did what to what, and why. Hashes are of the target before and after it, where it has a state. */
export type AuditEvent = {
  atMs: number
  /** A key id, or what stands for one: `cli`, `startup`, `controller`. */
  actor: string
  /** Noun and verb, such as `key.revoke`. */
  action: string
  /** Kind and id, such as `key/0190…`. */
  target: string
  beforeHash?: string | null | undefined
  afterHash?: string | null | undefined
  reason?: string | null | undefined
}

/** Call it in the transaction of the action itself, so that neither exists without the other. */
export const appendAuditEvent = async (tx: Database, event: AuditEvent): Promise<void> => {
  await tx.insert(auditEvents).values({ id: uuidv7(), ...event })
}
