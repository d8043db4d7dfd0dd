import { expect, test } from 'vitest'
import { writeTogether } from '../../src/evals/together.ts'

test('what comes while a write is under way is written in one go after it', async () => {
  const writes: number[][] = []
  const write = writeTogether<number>(async (items) => {
    writes.push([...items])
    await Bun.sleep(5)
  })
  const first = write(1)
  await Bun.sleep(1)
  await Promise.all([first, ...[2, 3, 4].map((item) => write(item))])
  await write(5)
  expect(writes).toEqual([[1], [2, 3, 4], [5]])
})

test('a failed write is heard by those it held, and the next goes on', async () => {
  const write = writeTogether<string>(async (items) => {
    await Bun.sleep(2)
    if (items.includes('bad')) throw new Error('refused')
  })
  const good = write('good')
  await Bun.sleep(1)
  const held = await Promise.allSettled([write('bad'), write('beside it')])
  expect(held.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(good).resolves.toBeUndefined()
  await expect(write('later')).resolves.toBeUndefined()
})
