import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { weirConfigSchema } from '../../src/config/schema.ts'

const documentation = join(import.meta.dirname, '../../data/docs')

/** Every name of a property in a JSON schema, at any depth. */
const propertiesOf = (at: unknown, found = new Set<string>()): Set<string> => {
  if (at === null || typeof at !== 'object') return found
  for (const [key, value] of Object.entries(at)) {
    if (key === 'properties') for (const name of Object.keys(value)) found.add(name)
    propertiesOf(value, found)
  }
  return found
}

test('every key of weir.yaml is named as code somewhere in the documentation', () => {
  const pages = readdirSync(documentation).map((page) => readFileSync(join(documentation, page), 'utf8'))
  const code = pages.flatMap((page) => page.match(/```[\s\S]*?```|`[^`\n]+`/g) ?? []).join('\n')
  const keys = propertiesOf(z.toJSONSchema(weirConfigSchema, { io: 'input', unrepresentable: 'any' }))
  expect(keys.size).toBeGreaterThan(200)
  expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(code))).toEqual([])
})
