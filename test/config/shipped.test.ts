import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { sha256 } from '../../src/lib/hash.ts'

const root = resolve(import.meta.dirname, '../..')
const config = parseConfig(readFileSync(join(root, 'weir.yaml'), 'utf8'), 'weir.yaml', {})

/** Every model file that the shipped configuration names, with its hash. */
const files = Object.values(config.models).flatMap((model): { path: string; sha256: string }[] => {
  if ('files' in model) return Object.entries(model.files).map(([file, hash]) => ({ path: join(model.path, file), sha256: hash }))
  return 'path' in model ? [{ path: model.path, sha256: model.sha256 }] : []
})

test('the shipped configuration names the bundled model files by their real hashes', () => {
  const wrong = files.filter((file) => sha256(readFileSync(join(root, file.path))) !== file.sha256)
  expect(wrong).toEqual([])
})

test('the bundled models weigh at most 24 MB together and less than 12 MB each', () => {
  const sizes = files.map((file) => statSync(join(root, file.path)).size)
  expect(Math.max(...sizes)).toBeLessThan(12e6)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(24e6)
})
