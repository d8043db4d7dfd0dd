/**
 * Question: what do ten thousand connections that say nothing, or never finish their headers, cost the others, in latency and memory, and how long do
 * they last?
 *
 * Method: the gateway in a process of its own, with authentication, traces and metrics; half of the connections are silent, half send a line of headers
 * and then nothing. Latency of `count` cached chat requests, one at a time, without them and with all of them open; they are opened anew when the server
 * hangs up. Needs `ulimit -n` above the number of connections; as many are opened as it allows.
 *
 *   bun test/bench/idle-connections.ts [connections] [count]
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { hello, key, startGateway } from '../http/gateway.ts'
import { echo } from '../http/models.ts'

const [wanted = 10_000, count = 1000] = process.argv.slice(2).map(Number)

if (process.argv.includes('serve')) {
  const gateway = startGateway({ models: [echo()] })
  setInterval(() => gateway.traces.splice(0), 100)
  console.log(JSON.stringify({ url: gateway.url, port: gateway.port }))
} else {
  const server = Bun.spawn([process.execPath, import.meta.path, 'serve'], { stdout: 'pipe' })
  let printed = ''
  for await (const chunk of server.stdout) {
    printed += new TextDecoder().decode(chunk)
    if (printed.includes('\n')) break
  }
  const { url, port } = JSON.parse(printed) as { url: string; port: number }
  const residentMb = () => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024)
  const ask = async () => {
    const init = {
      method: 'POST',
      body: JSON.stringify(hello),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    }
    const startedMs = performance.now()
    const response = await fetch(`${url}/v1/chat/completions`, init)
    await response.text()
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    return performance.now() - startedMs
  }
  const latencies = async (what: string) => {
    const times: number[] = []
    for (let index = 0; index < count; index += 1) times.push(await ask())
    times.sort((left, right) => left - right)
    const at = (share: number) => times[Math.floor(count * share)]?.toFixed(2)
    console.log(what.padEnd(34), `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, server ${residentMb()} MB`)
  }
  await latencies('warming up')
  await latencies('no other connection')

  let refused = 0
  const lasted: number[] = []
  const sockets = new Set<Socket>()
  const open = (index: number) =>
    new Promise<void>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port })
      let startedMs = performance.now()
      socket.on('connect', () => {
        startedMs = performance.now()
        sockets.add(socket)
        if (index % 2 === 0) socket.write('GET /v1/models HTTP/1.1\r\nHost: x\r\n')
        resolve()
      })
      socket.on('error', () => {
        refused += 1
        resolve()
      })
      socket.on('close', () => {
        if (sockets.delete(socket)) lasted.push(performance.now() - startedMs)
      })
    })
  for (let from = 0; from < wanted; from += 500) await Promise.all(Array.from({ length: 500 }, (_, index) => open(from + index)))
  console.log(`${sockets.size} open, ${refused} refused by this machine`)
  const before = sockets.size
  await latencies(`beside ${before} connections`)
  console.log(`${sockets.size} of ${before} still open`)
  await Bun.sleep(20_000)
  lasted.sort((left, right) => left - right)
  console.log(
    `20 s later ${sockets.size}; they lasted ${((lasted[0] ?? 0) / 1000).toFixed(1)} to ${((lasted.at(-1) ?? 0) / 1000).toFixed(1)} s`,
  )
  await latencies('after they are gone')
  server.kill()
  process.exit()
}
