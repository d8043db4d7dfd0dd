import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { sha256 } from '../lib/hash.ts'
import { parseConfig } from './parse.ts'
import type { WeirConfig } from './schema.ts'

export type ConfigWatch = {
  /** Reads the file again now; resolves once the outcome was reported. Called on SIGHUP. */
  reload(): Promise<void>
  close(): void
}

/**
 * Follows `weir.yaml`: a good edit goes to `onChange`, a bad one to `onError` while the last good configuration stays in force.
 * Editors save by replacing the file, so the folder is watched, and bursts of events within 100 ms count once.
 */
export const watchConfig = (options: {
  file: string
  environment: Readonly<Record<string, string | undefined>>
  initialText: string
  onChange: (config: WeirConfig) => Promise<void> | void
  onError: (error: unknown) => void
}): ConfigWatch => {
  let lastHash = sha256(options.initialText)
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = Promise.resolve()

  const readAgain = async (onlyIfChanged: boolean) => {
    try {
      const text = await readFile(options.file, 'utf8')
      const hash = sha256(text)
      if (onlyIfChanged && hash === lastHash) return
      lastHash = hash
      await options.onChange(parseConfig(text, options.file, options.environment))
    } catch (error) {
      options.onError(error)
    }
  }
  const enqueue = (onlyIfChanged: boolean) => {
    running = running.then(() => readAgain(onlyIfChanged))
    return running
  }

  const watcher = watch(dirname(options.file) || '.', { persistent: false }, (_event, changed) => {
    if (changed !== null && changed !== basename(options.file)) return
    clearTimeout(timer)
    timer = setTimeout(() => void enqueue(true), 100)
  })
  return {
    reload: () => enqueue(false),
    close: () => {
      clearTimeout(timer)
      watcher.close()
    },
  }
}
