import { asc, eq } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { projects } from '../db/schema/serve.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import type { By } from './admin.ts'
import { keysChannel } from './keyring.ts'

/** A tenant, seen as a project of an organisation. */
export type Project = typeof projects.$inferSelect

export type ProjectAdmin = {
  /** Those that belong to an organisation, by name. */
  list(): Promise<Project[]>
  /** Puts a tenant under an organisation, in place of the one it was under. Its keys, caches and traces stay its own. */
  assign(project: Project, by: By): Promise<Project>
  /** Takes a tenant out of its organisation. Throws `not_found` when it is in none. */
  remove(tenant: string, by: By): Promise<void>
}

/** Each change and its audit event are one transaction; `changed` runs after it, so that the caller's own keyring knows. */
export const createProjectAdmin = (parts: { db: Database; clock: Clock; changed: () => Promise<void> }): ProjectAdmin => {
  const { db, clock, changed } = parts

  const change = async (tenant: string, after: Project | undefined, { actor, reason }: By): Promise<void> => {
    await lockedTransaction(db, 'keys', async (tx) => {
      const [before] = await tx.select().from(projects).where(eq(projects.tenant, tenant))
      if (after) await tx.insert(projects).values(after).onConflictDoUpdate({ target: projects.tenant, set: after })
      else if (before) await tx.delete(projects).where(eq(projects.tenant, tenant))
      else throw new AppError('not_found', `the project ${tenant} belongs to no organisation`)
      await appendAuditEvent(tx, {
        atMs: clock(),
        actor,
        action: after ? 'project.assign' : 'project.remove',
        target: `project/${tenant}`,
        beforeHash: before && hashOf(before),
        afterHash: after && hashOf(after),
        reason,
      })
      await notify(tx, keysChannel)
    })
    await changed()
  }

  return {
    list: () => db.select().from(projects).orderBy(asc(projects.organisation), asc(projects.tenant)),
    assign: async (project, by) => {
      await change(project.tenant, project, by)
      return project
    },
    remove: (tenant, by) => change(tenant, undefined, by),
  }
}
