import { expect, test } from 'vitest'
import { chooseSlot, type Slot } from '../../src/engine/llama/slots.ts'

const slot = (id: number, tenant: string | undefined, tokens: number[], usedAt = 0): Slot => ({ id, tenant, tokens, usedAt })

test('the longest common prefix of the same tenant wins', () => {
  const slots = [slot(0, 'a', [1, 2, 9]), slot(1, 'a', [1, 2, 3, 4]), slot(2, undefined, [])]
  expect(chooseSlot(slots, 'a', [1, 2, 3, 5])).toEqual({ slot: slots[1], reuse: 3 })
})

test("another tenant's prefix counts for nothing", () => {
  const slots = [slot(0, 'b', [1, 2, 3, 4]), slot(1, undefined, [])]
  expect(chooseSlot(slots, 'a', [1, 2, 3, 5])).toEqual({ slot: slots[1], reuse: 0 })
  expect(chooseSlot([slots[0] as Slot], 'a', [1, 2, 3, 5])).toEqual({ slot: slots[0], reuse: 0 })
})

test('the last token of a prompt is always decoded', () => {
  expect(chooseSlot([slot(0, 'a', [1, 2, 3])], 'a', [1, 2, 3])?.reuse).toBe(2)
})

test('without a prefix: an empty sequence, then the one unused for longest', () => {
  const slots = [slot(0, 'a', [7], 5), slot(1, 'a', [8], 3), slot(2, undefined, [], 9)]
  expect(chooseSlot(slots, 'a', [1, 2])?.slot.id).toBe(2)
  expect(chooseSlot(slots.slice(0, 2), 'a', [1, 2])?.slot.id).toBe(1)
  expect(chooseSlot([], 'a', [1, 2])).toBeUndefined()
})
