import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { startMockOpenAI } from '../support/mock-openai.ts'
import { createWorkplace } from '../support/server-process.ts'

/** Python is no part of Weir: where it or the SDK is missing (`pip install openai`), the Node SDK's tests stand alone. */
const havePythonSdk = Bun.which('python3') !== null && Bun.spawnSync(['python3', '-c', 'import openai']).exitCode === 0
if (!havePythonSdk) console.log('python3 with the package openai is not installed: its SDK is not tested.')

test.skipIf(!havePythonSdk)(
  'the Python SDK chats, completes, streams, embeds and lists models',
  async () => {
    const upstream = startMockOpenAI({ tokens: 4, dimensions: 8 })
    const folder = mkdtempSync(join(tmpdir(), 'weir-python-'))
    const place = createWorkplace(folder, {
      providers: { host: { kind: 'openai-compatible', base_url: upstream.url } },
      models: {
        chat: { kind: 'llm', provider: 'host', model: 'mock' },
        embed: { kind: 'embedding', provider: 'host', model: 'mock', dimensions: 8 },
      },
    })
    const server = await place.start()
    try {
      const child = Bun.spawn(['python3', resolve(import.meta.dirname, 'python_sdk.py'), `${server.url}/v1`, 'unused'], {
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      expect(errors).toBe('')
      const text = 'word0 word1 word2 word3'
      expect(JSON.parse(out)).toMatchObject({
        whole: text,
        streamed: text,
        completion: text,
        pieces: text,
        dimensions: [8, 8],
        models: ['chat', 'embed'],
        refused: { status: 404, code: 'model_not_found' },
      })
      const { usage, stream_usage } = JSON.parse(out)
      expect(stream_usage).toBe(usage)
    } finally {
      server.signal('SIGTERM')
      await server.exited
      await upstream.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
  60_000,
)
