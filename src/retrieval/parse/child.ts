import { readFile } from 'node:fs/promises'
import { hostMethods } from '../../engine/host.ts'
import type { Format } from './format.ts'
import { type ParseLimits, parsers } from './formats.ts'

/** The process that reads documents. It gets a path, because the bytes of a large file would stall the gateway on their way through JSON. */
hostMethods(
  {
    parse: async ({ path, format, limits }: { path: string; format: Format; limits: ParseLimits }) =>
      parsers[format](await readFile(path), limits),
  },
  () => null,
  async () => undefined,
)
