import { expect, test } from 'vitest'
import { type VariantParts, variantHash } from '../../src/rollout/variant-hash.ts'

const parts: VariantParts = {
  promptClosure: 'p',
  modelManifest: 'm',
  parameters: { temperature: 0, topP: 1 },
  retrieval: 'r',
  indexVersion: 'i',
}

test('one vector, so that no change of ours renames every variant unseen', () => {
  expect(variantHash(parts)).toBe('2527ad6ee8449d64083469e9d564cf71dddcc33b7a2f7e46ba86707fda4ba6fb')
})

test('the order of parameters does not matter', () => {
  expect(variantHash({ ...parts, parameters: { topP: 1, temperature: 0 } })).toBe(variantHash(parts))
  expect(variantHash({ ...parts, parameters: { topP: 1, temperature: 0, seed: undefined } })).toBe(variantHash(parts))
})

test('every part changes it, and so does leaving one out', () => {
  const others: VariantParts[] = [
    { ...parts, promptClosure: 'q' },
    { ...parts, promptClosure: null },
    { ...parts, modelManifest: 'n' },
    { ...parts, parameters: { temperature: 0 } },
    { ...parts, parameters: { temperature: 0, topP: 1, stop: ['x'] } },
    { ...parts, retrieval: null },
    { ...parts, indexVersion: 'j' },
    { ...parts, retrieval: 'i', indexVersion: 'r' },
  ]
  expect(new Set([parts, ...others].map(variantHash)).size).toBe(others.length + 1)
})
