import { Command } from 'commander'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CliContext } from '../../src/cli/context.ts'
import { costCommands } from '../../src/cli/cost.ts'
import { costReport } from '../../src/cost/report.ts'
import { costRoutes } from '../../src/http/admin/cost.ts'
import { createProjectAdmin } from '../../src/keys/projects.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

describeDatabases('cost report', (makeDatabase) => {
  const dayMs = 86_400_000
  const nowMs = Date.parse('2026-11-20T10:00:00Z')
  const requests: Partial<Trace>[] = [
    { tenant: 'acme', keyId: 'k1', model: 'big', costUsd: 0.5 },
    { tenant: 'acme', keyId: 'k2', model: 'big', costUsd: 0.25, startedAtMs: nowMs - dayMs },
    { tenant: 'acme', keyId: 'k2', model: 'big', costUsd: 0, cache: 'hit', attempts: 0 },
    { tenant: '=cmd()', keyId: null, model: 'unpriced', costUsd: null },
    // Refused before any model was asked: there is no cost to know.
    { tenant: '=cmd()', keyId: null, variant: null, model: null, costUsd: null, attempts: 0, promptTokens: null, status: 'error' },
  ]
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
    await insertTraces(
      handle.db,
      requests.map((changes) => JSON.stringify(aTrace({ startedAtMs: nowMs, ...changes }))),
    )
  })

  test('sums by tenant, dearest first, and keeps unknown apart from zero', async () => {
    const rows = await costReport(handle.db, 'tenant', {})
    expect(rows.map(({ group, requests, costUsd, unknownCost, cacheHits }) => [group, requests, costUsd, unknownCost, cacheHits])).toEqual([
      ['acme', 3, 0.75, 0, 1],
      ['=cmd()', 2, null, 1, 0],
    ])
  })

  test.each([
    [
      'key',
      [
        ['k1', 0.5],
        ['k2', 0.25],
        [null, null],
      ],
    ],
    ['route', [['support', 0.75]]],
    [
      'variant',
      [
        ['support/a', 0.75],
        [null, null],
      ],
    ],
    [
      'model',
      [
        ['big', 0.75],
        ['unpriced', null],
        [null, null],
      ],
    ],
    [
      'day',
      [
        ['2026-11-19', 0.25],
        ['2026-11-20', 0.5],
      ],
    ],
  ] as const)('sums by %s', async (by, expected) => {
    const rows = await costReport(handle.db, by, {})
    expect(rows.map(({ group, costUsd }) => [group, costUsd])).toEqual(expected)
  })

  test('counts from the first moment on and up to the last', async () => {
    const rows = await costReport(handle.db, 'day', { fromMs: nowMs - dayMs, toMs: nowMs })
    expect(rows.map((row) => row.group)).toEqual(['2026-11-19'])
  })

  describe('weir cost report', () => {
    const run = async (...argv: string[]) => {
      const printed: string[] = []
      const context = {
        request: async (path: string) => {
          const response = await costRoutes({ db: handle.db }).request(path.replace('/admin/cost', '/'))
          if (!response.ok) throw new Error(await response.text())
          return response
        },
        print: (line: string) => void printed.push(line),
      } as unknown as CliContext
      const program = new Command().exitOverride()
      costCommands(program, context)
      await program.parseAsync(['cost', 'report', ...argv], { from: 'user' })
      return printed.join('\n')
    }

    test('prints a table that says unknown', async () => {
      const text = await run('--by', 'tenant')
      expect(text).toMatch(/^TENANT +REQUESTS +CACHED +IN +OUT +USD +UNKNOWN COST\nacme +3 +1 +36 +102 +0\.750000 +0\n/)
      expect(text).toMatch(/\n=cmd\(\) +2 +0 +12 +68 +unknown +1$/)
    })

    test('prints CSV with an empty field for unknown and no formula', async () => {
      expect(await run('--by', 'tenant', '--csv')).toBe(
        [
          'tenant,requests,cache_hits,prompt_tokens,completion_tokens,cached_tokens,cost_usd,unknown_cost',
          'acme,3,1,36,102,0,0.75,0',
          "'=cmd(),2,0,12,68,0,,1",
        ].join('\r\n'),
      )
    })

    test('sums the projects of an organisation', async () => {
      const projects = createProjectAdmin({ db: handle.db, clock: () => nowMs, changed: async () => {} })
      await projects.assign({ tenant: 'acme', organisation: 'holding' }, { actor: 'test', reason: 'because' })
      const rows = JSON.parse(await run('--by', 'organisation', '--json'))
      expect(rows.map((row: { group: string; cost_usd: number }) => [row.group, row.cost_usd])).toEqual([
        ['holding', 0.75],
        [null, null],
      ])
      expect(JSON.parse(await run('--by', 'tenant', '--organisation', 'holding', '--json'))).toMatchObject([{ group: 'acme' }])
    })

    test('prints JSON, and filters', async () => {
      const rows = JSON.parse(await run('--by', 'model', '--json', '--tenant', 'acme', '--from', '2026-11-20'))
      expect(rows).toEqual([expect.objectContaining({ group: 'big', requests: 2, cost_usd: 0.5 })])
    })
  })
})
