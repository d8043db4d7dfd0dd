import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchChild } from '../../engine/launch.ts'
import { type EngineLog, Supervisor } from '../../engine/supervisor.ts'
import { AppError } from '../../lib/errors.ts'
import type { ParsedText } from '../chunk/chunk.ts'
import { formatOf } from './format.ts'
import { type ParseLimits, parsers } from './formats.ts'

/** Text of a document. Throws `invalid_request` with the reason when it has none that can be read, `timeout` and `payload_too_large` past the limits. */
export type Parse = (bytes: Uint8Array, filename: string, signal: AbortSignal) => Promise<ParsedText>

/** Bumped when a parser would make other text of the same file. */
export const parserVersion = 1

export type ParserOptions = ParseLimits & { maxBytes: number; timeoutMs: number }

export const defaultParserOptions: ParserOptions = { maxBytes: 32 << 20, maxPages: 2000, maxCharacters: 4_000_000, timeoutMs: 30_000 }

export type Parser = { parse: Parse; close(): Promise<void> }

/**
 * Parses documents in a child process: parsers block, take memory by the gigabyte, and meet files made to harm. A file that does not end within
 * `timeoutMs` takes the process with it, and the next file gets a new one.
 */
export const createParser = ({
  scratchDir,
  log,
  options = defaultParserOptions,
}: {
  scratchDir: string
  log: EngineLog
  options?: ParserOptions
}): Parser => {
  const supervisor = new Supervisor({
    name: 'parser',
    launch: () => launchChild({ entry: fileURLToPath(new URL('./child.ts', import.meta.url)), runtime: 'auto', cacheDir: scratchDir }),
    log,
    heartbeatMs: 500,
    heartbeatTimeoutMs: options.timeoutMs,
  })
  const parse: Parse = async (bytes, filename, signal) => {
    if (bytes.length > options.maxBytes)
      throw new AppError('payload_too_large', `the document has ${bytes.length} bytes; the limit is ${options.maxBytes}`)
    const format = formatOf(bytes, filename)
    // Small text costs less here than the way to the child.
    if ((format === 'text' || format === 'markdown') && bytes.length <= 1 << 16) return parsers[format](bytes, options)
    const path = join(scratchDir, `parse-${randomUUID()}`)
    const deadline = AbortSignal.timeout(options.timeoutMs)
    await writeFile(path, bytes)
    try {
      const { value } = await supervisor.call('parse', { path, format, limits: options }, { signal: AbortSignal.any([signal, deadline]) })
      return value as ParsedText
    } catch (error) {
      if (signal.aborted) throw error
      const slow = deadline.aborted || (error instanceof AppError && error.code === 'engine_unavailable')
      if (slow)
        throw new AppError('timeout', `the document could not be read within ${options.timeoutMs / 1000} s, or crashed its reader`, {
          cause: error,
        })
      throw error
    } finally {
      await rm(path, { force: true })
    }
  }
  return { parse, close: () => supervisor.close() }
}
