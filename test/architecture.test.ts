import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Rooms from the ground up. A room imports itself and lower floors: never a neighbour, never upward. */
const floors: string[][] = [
  ['lib'],
  ['db', 'models', 'telemetry'],
  ['engine', 'cache', 'guardrails'],
  ['prompts', 'registry', 'retrieval', 'traces', 'features', 'keys', 'limits', 'cost', 'feedback'],
  ['rollout'],
  ['answer'],
  ['evals', 'monitors', 'batch', 'training'],
  ['http', 'console', 'cli'],
]
/** The loose files that join rooms. */
const top = ['main.ts', 'compose.ts', 'config.ts', 'config', 'compose']
const source = resolve(import.meta.dirname, '../src')
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const roomOf = (file: string) => file.split('/')[0] as string
const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room))

describe('rooms', () => {
  test('every folder under src is a room on a floor', () => {
    const strangers = new Set(files.map(roomOf).filter((room) => floorOf(room) < 0 && !top.includes(room)))
    expect([...strangers]).toEqual([])
  })

  test('import only themselves and lower floors', () => {
    const wrong: string[] = []
    for (const file of files) {
      const room = roomOf(file)
      if (top.includes(room)) continue
      const text = readFileSync(join(source, file), 'utf8')
      for (const [, path] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
        const target = roomOf(relative(source, resolve(source, dirname(file), path as string)))
        if (target === room) continue
        if (top.includes(target) || floorOf(target) >= floorOf(room)) wrong.push(`${file} → ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('hold no file past 400 lines', () => {
    const long = files
      .map((file) => [file, readFileSync(join(source, file), 'utf8').split('\n').length] as const)
      .filter(([, lines]) => lines > 400)
    expect(long).toEqual([])
  })
})
