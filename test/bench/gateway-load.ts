/**
 * Load on `POST /v1/chat/completions` over raw keep-alive sockets, which cost the generator a fraction of what `fetch` does.
 * Arguments: mode, port, key, then `connections seconds` (throughput), `perSecond seconds` (latency) or `requests` (first-byte, count).
 * Prints one JSON object.
 */
import { connect, type Socket } from 'bun'

const [mode, port, key, ...numbers] = process.argv.slice(2) as [string, string, string, ...string[]]
const [first = 0, second = 0] = numbers.map(Number)

const body = (stream: boolean) =>
  JSON.stringify({
    model: 'mock',
    stream,
    messages: [
      { role: 'system', content: 'You are a helpful assistant that answers briefly.' },
      { role: 'user', content: 'What does a weir do to a river, and how is the flow over it measured? Answer in two sentences.' },
    ],
    temperature: 0.2,
    max_tokens: 64,
  })
const request = (stream: boolean) => {
  const text = body(stream)
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`
}

type Timing = { firstByteMs: number; totalMs: number }
type Client = { send: (request: string) => Promise<Timing> }

/** One connection, one request at a time. */
const open = async (): Promise<Client> => {
  let received = ''
  let sentAt = 0
  let firstByteMs = 0
  let answered: ((timing: Timing) => void) | undefined
  const socket: Socket = await connect({
    hostname: '127.0.0.1',
    port: Number(port),
    socket: {
      data(_, bytes) {
        received += bytes.toString('latin1')
        const head = received.indexOf('\r\n\r\n')
        if (head < 0) return
        if (firstByteMs === 0 && received.length > head + 4) firstByteMs = performance.now() - sentAt
        if (!isComplete(received, head)) return
        if (!received.startsWith('HTTP/1.1 200')) throw new Error(received)
        received = ''
        answered?.({ firstByteMs, totalMs: performance.now() - sentAt })
      },
      close() {
        if (answered) throw new Error('the server hung up')
      },
    },
  })
  return {
    send: (text) =>
      new Promise((resolve) => {
        firstByteMs = 0
        sentAt = performance.now()
        answered = resolve
        socket.write(text)
      }),
  }
}

const isComplete = (received: string, head: number): boolean => {
  const length = /content-length: (\d+)/i.exec(received.slice(0, head))
  return length ? received.length >= head + 4 + Number(length[1]) : received.endsWith('0\r\n\r\n')
}

const quantile = (sorted: Float64Array, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

const summary = (values: number[]) => {
  const sorted = Float64Array.from(values).sort()
  return { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), p99: quantile(sorted, 0.99), count: sorted.length }
}

/** As many requests as the connections carry, back to back. */
const throughput = async (connections: number, seconds: number, stream = false) => {
  const clients = await Promise.all(Array.from({ length: connections }, open))
  const text = request(stream)
  const end = performance.now() + seconds * 1000
  let done = 0
  const start = performance.now()
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        await client.send(text)
        done += 1
      }
    }),
  )
  return { perSecond: done / ((performance.now() - start) / 1000) }
}

/** A fixed rate whatever the answers do; latency counts from when a request was due, so a stall is not hidden. */
const latency = async (perSecond: number, seconds: number) => {
  const idle = await Promise.all(Array.from({ length: 64 }, open))
  const text = request(false)
  const times: number[] = []
  const start = performance.now()
  const total = perSecond * seconds
  const running: Promise<void>[] = []
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond))
    for (; sent < due; sent += 1) {
      const dueAt = start + (sent / perSecond) * 1000
      const client = idle.pop() ?? (await open())
      const late = performance.now() - dueAt
      running.push(
        client.send(text).then(({ totalMs }) => {
          times.push(totalMs + late)
          idle.push(client)
        }),
      )
    }
    await Bun.sleep(1)
  }
  await Promise.all(running)
  return summary(times)
}

/** Streams, one after the other: when does the first byte of the body arrive? */
const firstByte = async (requests: number) => {
  const client = await open()
  const text = request(true)
  const times: number[] = []
  for (let index = 0; index < requests; index += 1) times.push((await client.send(text)).firstByteMs)
  return summary(times.slice(Math.floor(requests / 10)))
}

/** A number of requests over 32 connections. */
const count = async (requests: number) => {
  const clients = await Promise.all(Array.from({ length: 32 }, open))
  const text = request(false)
  let left = requests
  await Promise.all(
    clients.map(async (client) => {
      while (left-- > 0) await client.send(text)
    }),
  )
  return { requests }
}

const modes: Record<string, () => Promise<object>> = {
  throughput: () => throughput(first, second),
  'stream-throughput': () => throughput(first, second, true),
  latency: () => latency(first, second),
  'first-byte': () => firstByte(first),
  count: () => count(first),
}
const run = modes[mode]
if (run === undefined) throw new Error(`no mode ${mode}`)
process.stdout.write(JSON.stringify(await run()))
process.exit(0)
