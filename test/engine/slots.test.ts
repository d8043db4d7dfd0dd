import { expect, test } from 'vitest'
import { chooseSlot, type Slot } from '../../src/engine/llama/slots.ts'

const slot = (id: number, tenant: string | undefined, tokens: number[], usedAt = 0): Slot => ({ id, tenant, tokens, usedAt })
const tokens = (count: number, ...rest: number[]) => [...Array.from({ length: count }, (_, index) => index), ...rest]

test('the longest common prefix of the same tenant wins, wherever it lies', () => {
  const slots = [slot(0, 'a', tokens(20, 99)), slot(1, undefined, []), slot(3, 'a', tokens(30, 99))]
  expect(chooseSlot(slots, [0, 1], 'a', tokens(30, 50))).toEqual({ slot: slots[2], reuse: 30 })
})

test("another tenant's prefix counts for nothing", () => {
  const slots = [slot(0, 'b', tokens(40)), slot(1, undefined, [])]
  expect(chooseSlot(slots, [], 'a', tokens(40))).toEqual({ slot: slots[1], reuse: 0 })
  expect(chooseSlot([slots[0] as Slot], [], 'a', tokens(40))).toEqual({ slot: slots[0], reuse: 0 })
})

test('the last token of a prompt is always decoded', () => {
  expect(chooseSlot([slot(0, 'a', [1, 2, 3])], [], 'a', [1, 2, 3])?.reuse).toBe(2)
})

test('a start token in common is no reason to scatter the batch', () => {
  const slots = [slot(2, undefined, []), slot(5, 'a', [1, 7])]
  expect(chooseSlot(slots, [0, 1], 'a', [1, 2, 3])?.slot.id).toBe(2)
})

test('without a prefix: next to the busy ones, then an empty one, then the one unused for longest', () => {
  const slots = [slot(0, 'a', [7], 5), slot(1, 'a', [8], 3), slot(6, undefined, [], 9)]
  expect(chooseSlot(slots, [2], 'a', [1, 2])?.slot.id).toBe(1)
  expect(chooseSlot(slots, [], 'a', [1, 2])?.slot.id).toBe(6)
  expect(chooseSlot(slots.slice(0, 2), [], 'a', [1, 2])?.slot.id).toBe(1)
  expect(chooseSlot([], [], 'a', [1, 2])).toBeUndefined()
})
