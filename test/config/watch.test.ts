import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { WeirConfig } from '../../src/config/schema.ts'
import { watchConfig } from '../../src/config/watch.ts'

const text = (attempts: number | string) => `defaults:\n  retry:\n    attempts: ${attempts}\n`

test('a good edit is taken, a bad one is reported and changes nothing, and a later good one is taken again', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'weir-config-')), 'weir.yaml')
  await writeFile(file, text(1))
  const taken: WeirConfig[] = []
  const errors: unknown[] = []
  const watching = watchConfig({
    file,
    environment: {},
    initialText: text(1),
    onChange: (config) => void taken.push(config),
    onError: (error) => errors.push(error),
  })
  try {
    await writeFile(`${file}.new`, text(3))
    await rename(`${file}.new`, file)
    await vi.waitFor(() => expect(taken.at(-1)?.defaults.retry.attempts).toBe(3), { timeout: 5_000 })

    await writeFile(file, text('many'))
    await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: 5_000 })
    expect(taken).toHaveLength(1)

    await writeFile(file, text(4))
    await watching.reload()
    expect(taken.at(-1)?.defaults.retry.attempts).toBe(4)
  } finally {
    watching.close()
  }
})
