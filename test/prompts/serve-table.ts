import { openDatabase } from '../../src/db/database.ts'
import { toAppError } from '../../src/lib/errors.ts'
import { createPromptTable } from '../../src/prompts/table.ts'

/** A replica for table.test.ts: answers GET /?name=&label= with the rendered prompt. Arguments: database URL, poll interval, 'deaf' to lose every notification. */
const [url, pollMs, hearing] = process.argv.slice(2)
const handle = await openDatabase({ url, stateDir: '', connections: 3 })
const listen: typeof handle.listen = hearing === 'deaf' ? async () => async () => {} : handle.listen
const table = createPromptTable({
  db: handle.db,
  listen,
  clock: Date.now,
  pollMs: Number(pollMs),
  onError: (error) => console.error(error),
})
await table.start()
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const query = new URL(request.url).searchParams
    const reference = { name: query.get('name') ?? '', label: query.get('label') ?? undefined }
    try {
      const { messages, version } = await table.render(reference, { variables: {} })
      return Response.json({ version, text: messages[0]?.content })
    } catch (error) {
      const { code, message } = toAppError(error)
      return Response.json({ code, message }, { status: 400 })
    }
  },
})
console.log(server.url.href)
