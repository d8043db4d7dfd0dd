import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { bootstrapPrompts } from '../../src/prompts/bootstrap.ts'
import { labelEvents } from '../../src/prompts/labels.ts'
import { listPrompts } from '../../src/prompts/versions.ts'
import { describeDatabases } from '../support/database.ts'

const folder = resolve(import.meta.dirname, '../../prompts')

describeDatabases('first start', (makeDatabase) => {
  test('takes in the prompts of the folder once, labelled and on the record', async () => {
    const { db } = await makeDatabase()
    const start = () => bootstrapPrompts({ db, folder, clock: () => 7 })
    expect((await Promise.all([start(), start()])).toSorted()).toEqual([false, true])
    expect(await start()).toBe(false)
    expect(await bootstrapPrompts({ db, folder: `${folder}/none`, clock: () => 7 })).toBe(false)
    expect((await listPrompts(db)).map(({ labels }) => labels)).toEqual(Array(3).fill({ production: 1 }))
    expect(await labelEvents(db, 'assistant/answer', 'production')).toMatchObject([
      { actor: 'startup', reason: 'first start', override: true },
    ])
  })
})
