/**
 * Do 2,000 prompts of 50 versions each stay quick? Sync of an unchanged tree (goal: ≤ 1 s) and rendering of a 2 kB prompt (goal: p50 ≤ 50 µs).
 * `bun test/bench/prompts.ts [prompts] [versions]`; on PGlite, or on Postgres when DATABASE_URL is set (then in a database of its own making).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPrompt } from '../../src/prompts/prompt.ts'
import { syncPrompts } from '../../src/prompts/sync.ts'
import { createPromptTable } from '../../src/prompts/table.ts'
import { readTreeFiles } from '../../src/prompts/tree.ts'

const [promptCount = 2000, versionCount = 50] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
await using handle = await openDatabase({ url: process.env.DATABASE_URL, stateDir: join(folder, 'state') })
const { db } = handle
await migrate(db)

const filler = 'Answer in plain words, keep to what the passages say, and name the passage you took each fact from. '
const promptText = (index: number) => `---
description: Prompt ${index}
config: { temperature: 0.2 }
input:
  schema:
    question: string
    tone?: string
    passages(array): { id: integer, text: string }
---
{{role "system"}}You are assistant ${index}. {{> rules}}
${filler.repeat(8)}
{{#if tone}}Tone: {{tone}}.{{/if}}
{{history}}
{{role "user"}}{{#each passages}}[{{id}}] {{text}}
{{/each}}
Question: {{question}}`

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, 'prompts', path)), { recursive: true })
  writeFileSync(join(folder, 'prompts', path), text)
}
write('_rules.prompt', filler.repeat(3))
for (let index = 0; index < promptCount; index += 1) write(`team-${index % 40}/prompt-${index}.prompt`, promptText(index))

const timed = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
  const start = performance.now()
  const result = await work()
  console.log(`${title}: ${(performance.now() - start).toFixed(0)} ms`)
  return result
}
const sync = async () =>
  syncPrompts(db, {
    files: await readTreeFiles(join(folder, 'prompts')),
    dryRun: false,
    actor: 'bench',
    reason: 'bench',
    gitCommit: null,
    nowMs: 1,
  })

console.log(`${promptCount} prompts × ${versionCount} versions, ${handle.kind}`)
await timed('first sync', sync)
// Older versions as they would stand there: same size of text, hashes of their own.
await timed('fill in the older versions', () =>
  db.execute(sql`
    insert into prompt_versions
    select prompt_name, version + n, md5(closure_hash || n) || md5(prompt_name || n), source, partials, front_matter, git_commit, git_path,
      author, message, created_by, created_at
    from prompt_versions, generate_series(1, ${versionCount - 1}::int) as n`),
)
await db.execute(sql`insert into prompt_labels select name, 'production', head_version from prompts`)
await db.execute(sql`update prompt_revision set revision = revision + 1`)
for (let round = 0; round < 5; round += 1) {
  const plan = await timed('sync of the unchanged tree', sync)
  if (plan.changes.length > 0 || plan.unchanged !== promptCount) throw new Error('the tree was not unchanged')
}

const table = createPromptTable({ db, listen: handle.listen, clock: Date.now, pollMs: 60_000, onError: console.error })
await timed('start of the serving table', () => table.start())
await timed('first rendering of one prompt', () =>
  table.render({ name: 'team-1/prompt-1' }, { variables: { question: 'q', passages: [] } }),
)
await table.close()

const prompt = openPrompt({ name: 'p', path: 'p.prompt', text: promptText(1), partials: { rules: filler.repeat(3) } })
const variables = {
  question: 'How do I start the server?',
  tone: 'calm',
  passages: Array.from({ length: 5 }, (_, id) => ({ id, text: filler })),
}
const history = [
  { role: 'user' as const, content: 'hello' },
  { role: 'assistant' as const, content: 'hi' },
]
const bytes = JSON.stringify(prompt.render({ variables, history }).messages).length
const samples: number[] = []
for (let round = 0; round < 20_000; round += 1) {
  const start = performance.now()
  prompt.render({ variables, history })
  samples.push((performance.now() - start) * 1000)
}
samples.sort((left, right) => left - right)
const quantile = (share: number) => samples[Math.floor(share * samples.length)]?.toFixed(1)
console.log(`render of ${bytes} bytes: p50 ${quantile(0.5)} µs, p95 ${quantile(0.95)} µs, p99 ${quantile(0.99)} µs (20,000 renders)`)
rmSync(folder, { recursive: true, force: true })
