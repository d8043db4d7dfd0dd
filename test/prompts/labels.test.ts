import { beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { rollbackTarget, versionAt } from '../../src/lib/label-moves.ts'
import { labelEvents, promoteLabel, rollbackLabel } from '../../src/prompts/labels.ts'
import { syncPrompts } from '../../src/prompts/sync.ts'
import { listPrompts } from '../../src/prompts/versions.ts'
import { describeDatabases } from '../support/database.ts'

describeDatabases('labels', (makeDatabase) => {
  let db: Database
  let passed = new Set<number>()

  const promote = async (
    version: number,
    expectedVersion: number | null,
    more: { label?: string; override?: boolean; reason?: string; nowMs?: number } = {},
  ) =>
    promoteLabel(db, async () => (passed.has(version) ? `run-${version}` : undefined), {
      name: 'a',
      label: 'staging',
      version,
      expectedVersion,
      actor: 'ann',
      reason: 'better',
      override: false,
      nowMs: 1000,
      ...more,
    })
  const rollback = (expectedVersion: number, label = 'staging') =>
    rollbackLabel(db, { name: 'a', label, expectedVersion, actor: 'bo', reason: 'worse', nowMs: 5000 })
  const labels = async () => (await listPrompts(db))[0]?.labels

  beforeEach(async () => {
    db = (await makeDatabase()).db
    passed = new Set()
    for (const text of ['one', 'two', 'three']) {
      await syncPrompts(db, { files: [{ path: 'a.prompt', text }], dryRun: false, actor: 'ann', reason: '', gitCommit: null, nowMs: 1 })
    }
  })

  test('move by compare-and-set, each move an event', async () => {
    await promote(1, null)
    await promote(2, 1, { reason: 'shorter', nowMs: 2000 })
    expect(await labels()).toEqual({ staging: 2 })
    expect(await labelEvents(db, 'a', 'staging')).toMatchObject([
      { kind: 'promote', fromVersion: null, toVersion: 1, actor: 'ann', reason: 'better', override: false, atMs: 1000 },
      { kind: 'promote', fromVersion: 1, toVersion: 2, reason: 'shorter', atMs: 2000 },
    ])
  })

  test('a stale expectation changes nothing', async () => {
    await promote(1, null)
    await expect(promote(2, null)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('at version 1, not unset') })
    await expect(promote(3, 2)).rejects.toMatchObject({ code: 'conflict', param: 'expected_version' })
    await expect(promote(2, 1, { label: 'other' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await labels()).toEqual({ staging: 1 })
    expect(await labelEvents(db, 'a', 'staging')).toHaveLength(1)
  })

  test('of two movers at once one wins', async () => {
    await promote(1, null)
    const results = await Promise.allSettled([promote(2, 1), promote(3, 1)])
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    expect(await labelEvents(db, 'a', 'staging')).toHaveLength(2)
  })

  test('production needs a passing eval run of that version, or an override on the record', async () => {
    await expect(promote(1, null, { label: 'production' })).rejects.toMatchObject({ code: 'conflict', param: 'override' })
    passed.add(1)
    expect(await promote(1, null, { label: 'production' })).toMatchObject({ evalRunId: 'run-1', override: false })
    expect(await promote(2, 1, { label: 'production', override: true })).toMatchObject({ evalRunId: null, override: true })
  })

  test('an override that was not needed is not recorded as one', async () => {
    passed.add(1)
    expect(await promote(1, null, { label: 'production', override: true })).toMatchObject({ evalRunId: 'run-1', override: false })
  })

  test('refuses latest, odd names, silence and versions that do not exist', async () => {
    await expect(promote(1, null, { label: 'latest' })).rejects.toThrow('computed')
    await expect(promote(1, null, { label: 'A b' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(promote(1, null, { label: '7' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(promote(1, null, { reason: ' ' })).rejects.toMatchObject({ param: 'reason' })
    await expect(promote(9, null)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('rollback is one move to where the label stood before, needs no gate, and goes further back each time', async () => {
    passed = new Set([1, 2, 3])
    await promote(1, null, { label: 'production' })
    await promote(2, 1, { label: 'production' })
    await promote(3, 2, { label: 'production' })
    passed.clear()
    expect(await rollback(3, 'production')).toMatchObject({ kind: 'rollback', fromVersion: 3, toVersion: 2, actor: 'bo', reason: 'worse' })
    await expect(rollback(3, 'production')).rejects.toMatchObject({ code: 'conflict' })
    expect(await rollback(2, 'production')).toMatchObject({ toVersion: 1 })
    await expect(rollback(1, 'production')).rejects.toThrow('no earlier version')
    await expect(rollback(1, 'nowhere')).rejects.toThrow('no earlier version')
  })

  test('history answers what stood where at a moment', async () => {
    await promote(1, null, { nowMs: 1000 })
    await promote(2, 1, { nowMs: 3000 })
    const events = await labelEvents(db, 'a', 'staging')
    expect([500, 1000, 2999, 3000].map((at) => versionAt(events, at))).toEqual([undefined, 1, 1, 2])
  })
})

test.each([
  [['p1'], undefined],
  [['p1', 'p2'], 1],
  [['p1', 'p2', 'r1'], undefined],
  [['p1', 'p2', 'r1', 'p3'], 1],
  [['p1', 'p2', 'p3', 'r2', 'p2', 'r2'], 1],
])('after %j a rollback goes to %s', (moves, target) => {
  const events = moves.map((move) => ({
    kind: move.startsWith('p') ? ('promote' as const) : ('rollback' as const),
    toVersion: Number(move.slice(1)),
  }))
  expect(rollbackTarget(events)).toBe(target)
})
