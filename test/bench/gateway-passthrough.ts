/** What a gateway on Hono and Bun costs when it does nothing: `fetch` and hand the body through. Arguments: port, upstream. */
import { Hono } from 'hono'

const [port, upstream] = process.argv.slice(2)
const app = new Hono()
app.post('/v1/chat/completions', async (c) => {
  const response = await fetch(`${upstream}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await c.req.text(),
    signal: c.req.raw.signal,
  })
  return new Response(response.body, { status: response.status, headers: { 'content-type': response.headers.get('content-type') ?? '' } })
})
Bun.serve({ hostname: '127.0.0.1', port: Number(port), idleTimeout: 0, fetch: app.fetch })
