import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { AppError } from '../../src/lib/errors.ts'
import { type Budget, type BudgetAllowance, createBudgets } from '../../src/limits/budgets.ts'
import { type Allowance, createLeases, type Leases } from '../../src/limits/leases.ts'
import { type Ledger, memoryLedger, strict, withStandIn } from '../../src/limits/ledger.ts'
import { postgresLedger } from '../../src/limits/postgres-ledger.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

const startMs = Date.parse('2026-11-22T12:00:00Z')
const requests = (limit: number): Allowance => ({
  subject: 'limit tenant acme requests_per_minute',
  title: 'requests per minute for tenant acme',
  window: { kind: 'sliding', lengthMs: 60_000 },
  limit,
  code: 'rate_limited',
})

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error))
const admitted = async (leases: Leases, allowance: Allowance, count: number, amount = 1): Promise<number> => {
  const takes = await Promise.allSettled(Array.from({ length: count }, () => leases.take(allowance, amount)))
  return takes.filter((take) => take.status === 'fulfilled').length
}

/** What two replicas promise together, wherever they count. `makeLedgers` gives each its ledger. */
const testReplicas = (makeLedgers: (clock: () => number) => Promise<[Ledger, Ledger]>): void => {
  const twoReplicas = async () => {
    const now = { ms: startMs }
    const clock = () => now.ms
    const [one, two] = await makeLedgers(clock)
    return { now, clock, replicas: [createLeases({ ledger: one, clock }), createLeases({ ledger: two, clock })] as const }
  }

  test.each([1, 10, 60, 1000])('two replicas together stay within 5 %% of %i', async (limit) => {
    const { now, replicas } = await twoReplicas()
    let total = 0
    // Uneven and in waves, so that each holds something when the end comes.
    for (const [first, second] of [
      [0.3, 0.1],
      [0.5, 0.2],
      [0.4, 0.4],
    ] as const) {
      const counts = await Promise.all([
        admitted(replicas[0], requests(limit), Math.ceil(limit * first)),
        admitted(replicas[1], requests(limit), Math.ceil(limit * second)),
      ])
      total += counts[0] + counts[1]
      now.ms += 150
    }
    expect(total).toBeLessThanOrEqual(limit)
    expect(total).toBeGreaterThanOrEqual(Math.floor(limit * 0.95))
    for (const leases of replicas) await leases.close()
  })

  test('what a replica holds and does not use is given back when it closes', async () => {
    const { now, replicas } = await twoReplicas()
    expect(await admitted(replicas[0], requests(1000), 10)).toBe(10)
    await replicas[0].close()
    now.ms += 200
    expect(await admitted(replicas[1], requests(1000), 1000)).toBe(990)
    await replicas[1].close()
  })

  test('tokens are reserved by estimate and trued up in both directions', async () => {
    const { now, replicas } = await twoReplicas()
    const tokens = { ...requests(1000), subject: 'limit tenant acme tokens_per_minute' }
    const modest = await replicas[0].take(tokens, 900)
    await expect(replicas[1].take(tokens, 500)).rejects.toThrow('the limit of 1000')
    modest.settle(100)
    await new Promise((resolve) => setTimeout(resolve, 50))
    now.ms += 200
    const greedy = await replicas[1].take(tokens, 500)
    greedy.settle(2000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    now.ms += 200
    await expect(replicas[0].take(tokens, 100)).rejects.toMatchObject({ code: 'rate_limited' })
    for (const leases of replicas) await leases.close()
  })

  test('a refusal says when to come back, and then there is room', async () => {
    const { now, replicas } = await twoReplicas()
    await admitted(replicas[0], requests(10), 10)
    const error = await replicas[0].take(requests(10), 1).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'rate_limited', message: 'the limit of 10 requests per minute for tenant acme is used up' })
    now.ms += error.retryAfterMs + 1
    expect(await admitted(replicas[1], requests(10), 5)).toBe(1)
    for (const leases of replicas) await leases.close()
  })
}

describe('limits counted in memory', () => {
  testReplicas(async (clock) => {
    const ledger = memoryLedger(clock)
    return [ledger, ledger]
  })
})

describeDatabases('limits counted in the database', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  testReplicas(async (clock) => {
    await handle.db.execute(sql`truncate allowances`)
    const replica = await handle.replica()
    return [postgresLedger({ db: handle.db, clock }), postgresLedger({ db: replica.db, clock })]
  })
})

describeDatabases('budgets', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  const budget: Budget = { per: 'tenant', period: 'month', usd: 1, warnPercent: 80 }
  const who = { key: 'k', tenant: 'acme', organisation: null, route: 'r', model: 'm' }
  const replicasOf = async (warnings: unknown[]) => {
    await handle.db.execute(sql`truncate allowances`)
    const databases = [handle, await handle.replica()]
    return databases.map(({ db }) => {
      const ledger = strict(postgresLedger({ db, clock: () => startMs }))
      const onSoftLimit = (allowance: BudgetAllowance) => warnings.push(allowance.budget)
      const leases = createLeases<BudgetAllowance>({ ledger, clock: () => startMs, sliceShare: 0.01, onSoftLimit })
      return { leases, ...createBudgets({ leases, budgets: () => [budget] }) }
    })
  }
  const usedUsd = async () => {
    const [row] = await handle.db.execute<{ used: string }>(sql`select used from allowances`)
    return Number(row?.used) / 1e9
  }

  test('200 requests at once through two replicas never spend more than there is', async () => {
    const warnings: unknown[] = []
    const replicas = await replicasOf(warnings)
    let spent = 0
    let refused = 0
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        try {
          const reservation = await replicas[index % 2]!.reserve(who, 0.01)
          await new Promise((resolve) => setTimeout(resolve, index % 7))
          spent += 0.008
          reservation.settle(0.008)
        } catch (error) {
          expect(codeOf(error)).toBe('insufficient_quota')
          refused += 1
        }
      }),
    )
    expect(spent).toBeLessThanOrEqual(1)
    expect(spent).toBeGreaterThan(0.75)
    expect(refused).toBe(200 - Math.round(spent / 0.008))
    expect(warnings).toHaveLength(1)
    for (const { leases } of replicas) await leases.close()
    expect(await usedUsd()).toBeCloseTo(spent, 6)
  })

  test('are over by no more than what was underestimated in flight', async () => {
    const [one, two] = await replicasOf([])
    const flights = await Promise.all([one!.reserve(who, 0.4), two!.reserve(who, 0.4)])
    for (const reservation of flights) reservation.settle(0.6)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(one!.reserve(who, 0.001)).rejects.toMatchObject({
      code: 'insufficient_quota',
      message: 'the limit of $1 a month for tenant acme is used up',
    })
    await expect(two!.reserve(who, 0.001)).rejects.toMatchObject({ code: 'insufficient_quota' })
    for (const replica of [one, two]) await replica!.leases.close()
    expect(await usedUsd()).toBeCloseTo(1.2, 6)
  })

  test('what a request costs nothing is never refused, and other tenants are not concerned', async () => {
    const [one] = await replicasOf([])
    ;(await one!.reserve(who, 1)).settle(1)
    ;(await one!.reserve(who, 0)).settle(0)
    ;(await one!.reserve({ ...who, tenant: 'other' }, 0.5)).settle(0.5)
    await expect(one!.reserve(who, 0.01)).rejects.toMatchObject({ code: 'insufficient_quota' })
    await one!.leases.close()
  })
})

describe('while the database is away', () => {
  const away: Ledger = {
    take: async () => {
      throw new Error('connection refused')
    },
  }
  const clock = () => startMs

  test('each replica keeps limits by itself', async () => {
    const errors: unknown[] = []
    const ledger = withStandIn({ ledger: away, standIn: memoryLedger(clock), clock, onError: (error) => errors.push(error) })
    const leases = createLeases({ ledger, clock })
    expect(await admitted(leases, requests(20), 30)).toBe(20)
    expect(errors).toHaveLength(1)
    await leases.close()
  })

  test('nothing is spent of budgets', async () => {
    const leases = createLeases<BudgetAllowance>({ ledger: strict(away), clock })
    const budgets = createBudgets({ leases, budgets: () => [{ per: 'tenant', period: 'day', usd: 1 }] })
    await expect(budgets.reserve({ key: null, tenant: 't', organisation: null, route: 'r', model: 'm' }, 0.1)).rejects.toMatchObject({
      code: 'unavailable',
    })
    await leases.close()
  })
})

test.skipIf(!process.env.TEST_DATABASE_URL)('two processes over one Postgres stay within 5 % of the limit', async () => {
  const url = new URL(process.env.TEST_DATABASE_URL as string)
  const name = `weir_test_${Bun.randomUUIDv7().replaceAll('-', '')}`
  await using admin = await openDatabase({ url: url.href, stateDir: '', connections: 1 })
  await admin.db.execute(sql.raw(`create database ${name}`))
  url.pathname = `/${name}`
  try {
    await using database = await openDatabase({ url: url.href, stateDir: '', connections: 1 })
    await migrate(database.db)
    const script = join(import.meta.dirname, 'replica-process.ts')
    const replicas = [1, 2].map(() => Bun.spawn([process.execPath, script, url.href, '500', '400'], { stdout: 'pipe' }))
    const counts = await Promise.all(replicas.map(async (replica) => Number(await new Response(replica.stdout).text())))
    const total = counts[0]! + counts[1]!
    expect(total).toBeLessThanOrEqual(500)
    expect(total).toBeGreaterThanOrEqual(475)
  } finally {
    await admin.db.execute(sql.raw(`drop database if exists ${name} with (force)`))
  }
})
