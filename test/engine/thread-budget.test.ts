import { expect, test } from 'vitest'
import { createThreadBudget } from '../../src/engine/llama/thread-budget.ts'

test('work runs in order of arrival and never on more threads than there are', async () => {
  const budget = createThreadBudget(4)
  const order: number[] = []
  let used = 0
  let most = 0
  const work = (id: number, threads: number) =>
    budget.use(threads, async () => {
      order.push(id)
      used += Math.min(threads, 4)
      most = Math.max(most, used)
      await Bun.sleep(5)
      used -= Math.min(threads, 4)
      return id
    })
  const results = await Promise.all([work(0, 2), work(1, 2), work(2, 9), work(3, 1), work(4, 3)])
  expect(results).toEqual([0, 1, 2, 3, 4])
  expect(order).toEqual([0, 1, 2, 3, 4])
  expect(most).toBe(4)
})

test('a failure gives its threads back', async () => {
  const budget = createThreadBudget(1)
  await expect(budget.use(1, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await budget.use(1, async () => 'next')).toBe('next')
})
