import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/lib/hash.ts'
import { readGguf } from '../../src/registry/gguf.ts'
import { chatMlTemplate, writeTinyGguf } from '../support/tiny-gguf.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-gguf-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'tiny.gguf')
writeTinyGguf(path)

describe('GGUF headers', () => {
  test('tell what the model is', async () => {
    expect(await readGguf(path)).toMatchObject({
      architecture: 'llama',
      contextLength: 1024,
      embeddingLength: 64,
      blockCount: 2,
      quantisation: null,
      name: 'tiny random',
      chatTemplateSha256: sha256(chatMlTemplate),
      tokenizerSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })

  test('hash template and tokenizer apart from each other and from the weights', async () => {
    const same = await readGguf(path)
    const read = async (options: Parameters<typeof writeTinyGguf>[1]) => {
      writeTinyGguf(join(folder, 'other.gguf'), options)
      return readGguf(join(folder, 'other.gguf'))
    }
    expect(await read({ seed: 2 })).toEqual(same)
    const template = await read({ chatTemplate: 'x' })
    expect(template.tokenizerSha256).toBe(same.tokenizerSha256)
    expect(template.chatTemplateSha256).not.toBe(same.chatTemplateSha256)
    expect((await read({ chatTemplate: null })).chatTemplateSha256).toBeNull()
    const vocabulary = await read({ vocabulary: 600 })
    expect(vocabulary.tokenizerSha256).not.toBe(same.tokenizerSha256)
    expect(vocabulary.chatTemplateSha256).toBe(same.chatTemplateSha256)
  })

  test('that are cut, forged or of another kind are refused', async () => {
    const bytes = readFileSync(path)
    const refuse = async (content: Uint8Array, reason: string) => {
      writeFileSync(join(folder, 'bad.gguf'), content)
      await expect(readGguf(join(folder, 'bad.gguf'))).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(reason),
      })
    }
    await refuse(Buffer.from('PK\u0003\u0004 not a model'), 'not a GGUF file')
    await refuse(bytes.subarray(0, 2000), 'ends inside its header')
    const forged = Buffer.from(bytes)
    forged.writeBigUInt64LE(1n << 60n, 16)
    await refuse(forged, 'not plausible')
    await expect(readGguf(join(folder, 'none'))).rejects.toThrow('cannot read')
  })
})
