import { SingleBar } from 'cli-progress'
import { AppError, type ErrorCode, retryable } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { ndjson } from './ingest-lines.ts'

type Line =
  | { type: 'started'; files: number; total_bytes: number }
  | { type: 'progress'; file: string; done_bytes: number; total_bytes: number }
  | { type: 'error'; code: string; message: string }
  | { type: 'done'; name: string; version: number; created: boolean }

/** Follows a pull or registration to its end: a bar on a terminal, lines with `--json`. Throws the error that ended it. */
export const followInstallation = async (context: CliContext, response: Response, json: boolean | undefined): Promise<void> => {
  const bar = context.interactive && !json ? new SingleBar({ format: '{bar} {percentage}%  {file}', stream: process.stderr }) : undefined
  let current: string | undefined
  try {
    for await (const one of ndjson(response)) {
      const line = one as unknown as Line
      if (json) context.print(JSON.stringify(line))
      switch (line.type) {
        case 'started':
          if (!json) context.note(`${line.files} files, ${(line.total_bytes / 1e6).toFixed(1)} MB`)
          break
        case 'progress':
          if (line.file !== current) bar?.start(line.total_bytes, line.done_bytes, { file: line.file })
          current = line.file
          bar?.update(line.done_bytes, { file: line.file })
          break
        case 'error':
          throw new AppError(Object.hasOwn(retryable, line.code) ? (line.code as ErrorCode) : 'internal', line.message)
        case 'done':
          bar?.stop()
          if (!json) context.print(`${line.name} version ${line.version}${line.created ? '' : ' (registered before)'}`)
          return
      }
    }
  } finally {
    bar?.stop()
  }
  throw new AppError('unavailable', 'the server stopped before it was done: run the command again, and it goes on where it stopped')
}
