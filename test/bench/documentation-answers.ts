/**
 * How often does the first command's answer to a question about the documentation hold what was asked for, and how often does it say that it
 * found nothing where the documentation does not tell?
 *
 *     bun test/bench/documentation-answers.ts [--show]
 *
 * `weir up` with the bundled configuration on a state of its own, asked over HTTP: search, quote and citation as a user gets them. Questions:
 * `data/documentation-questions.jsonl`, 42 with an answer in `data/docs` and 15 without. `WEIR_CONFIG` names another configuration. A question is right when the answer holds an expected
 * span of text.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Row = { question: string; answers: string[] }
const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(import.meta.dirname, 'data/documentation-questions.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Row)
const folder = mkdtempSync(join(tmpdir(), 'weir-documentation-'))
const server = Bun.spawn([process.execPath, 'src/main.ts', 'up', '--port', '0'], {
  cwd: root,
  env: { ...process.env, WEIR_STATE_DIR: folder, DATABASE_URL: '', WEIR_LOG_LEVEL: 'warn' },
  stdout: 'ignore',
  stderr: 'pipe',
})
try {
  let banner = ''
  const decoder = new TextDecoder()
  for await (const bytes of server.stderr) {
    banner += decoder.decode(bytes, { stream: true })
    if (/serves on (\S+)/.test(banner)) break
  }
  const url = /serves on (\S+)/.exec(banner)?.[1]
  if (url === undefined) throw new Error(banner)
  const flat = (text: string) => text.replaceAll(/\s+/g, ' ').toLowerCase()
  const ask = async (question: string) => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: question }] }),
    })
    // While documents are read for the first time it says so, with 503.
    if (!response.ok) return ''
    return ((await response.json()) as { choices: [{ message: { content: string } }] }).choices[0].message.content
  }
  // The documentation is ingested behind the first requests.
  for (let tries = 0; tries < 120 && !/\[\d+\]/.test(await ask('On which port does the server listen?')); tries += 1) await Bun.sleep(500)
  const counts = { right: 0, wrong: 0, 'nothing found': 0, 'rightly nothing': 0, 'answered all the same': 0 }
  for (const { question, answers } of rows) {
    const said = await ask(question)
    const answered = /\[\d+\]/.test(said)
    const right = answers.some((span) => flat(said).includes(flat(span)))
    const verdict =
      answers.length === 0
        ? answered
          ? 'answered all the same'
          : 'rightly nothing'
        : right
          ? 'right'
          : answered
            ? 'wrong'
            : 'nothing found'
    counts[verdict] += 1
    if (process.argv.includes('--show') && !right && verdict !== 'rightly nothing') console.log(`${verdict}: ${question}\n  ${said}`)
  }
  console.log(JSON.stringify(counts))
} finally {
  server.kill('SIGTERM')
  await server.exited
  rmSync(folder, { recursive: true, force: true })
}
