import type { Socket } from 'bun'

/**
 * As much of a Redis server as the cache speaks to (RESP 3): HELLO, GET, MGET, SET with NX and PX, PEXPIRE with GT, DEL. Behaves as Redis 7 does
 * in these; it can be told to hang, or to go away and come back on the same port.
 */
export const startRespServer = () => {
  const values = new Map<string, { text: string; untilMs: number }>()
  const sockets = new Set<Socket<Buffered>>()
  let isHanging = false
  let listener = listen(0)
  const { port } = listener

  const live = (key: string) => {
    const found = values.get(key)
    if (found !== undefined && found.untilMs > Date.now()) return found
    values.delete(key)
    return undefined
  }
  const commands: Record<string, (words: string[]) => string> = {
    HELLO: () => `%1\r\n${bulk('server')}${bulk('redis')}`,
    PING: () => '+PONG\r\n',
    GET: ([key = '']) => bulk(live(key)?.text),
    MGET: (keys) => `*${keys.length}\r\n${keys.map((key) => bulk(live(key)?.text)).join('')}`,
    SET: ([key = '', text = '', ...options]) => {
      if (options.includes('NX') && live(key)) return bulk(undefined)
      const at = options.indexOf('PX')
      values.set(key, { text, untilMs: at < 0 ? Number.POSITIVE_INFINITY : Date.now() + Number(options[at + 1]) })
      return '+OK\r\n'
    },
    PEXPIRE: ([key = '', ms, option]) => {
      const found = live(key)
      const untilMs = Date.now() + Number(ms)
      if (found === undefined || (option === 'GT' && untilMs <= found.untilMs)) return ':0\r\n'
      found.untilMs = untilMs
      return ':1\r\n'
    },
    DEL: (keys) => `:${keys.filter((key) => live(key) && values.delete(key)).length}\r\n`,
  }

  function listen(on: number) {
    return Bun.listen<Buffered>({
      hostname: '127.0.0.1',
      port: on,
      socket: {
        open: (socket) => {
          socket.data = { received: Buffer.alloc(0) }
          sockets.add(socket)
        },
        close: (socket) => void sockets.delete(socket),
        data: (socket, chunk) => {
          socket.data.received = Buffer.concat([socket.data.received, chunk])
          for (let words = nextCommand(socket.data); words !== undefined; words = nextCommand(socket.data)) {
            const [name = '', ...rest] = words
            if (!isHanging) socket.write(commands[name.toUpperCase()]?.(rest) ?? `-ERR unknown command '${name}'\r\n`)
          }
        },
      },
    })
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    keys: () => [...values.keys()].filter(live),
    /** As a server that evicts does. */
    forget: (key: string) => void values.delete(key),
    hang: (isOn: boolean) => {
      isHanging = isOn
    },
    stop: () => {
      listener.stop(true)
      for (const socket of sockets) socket.end()
    },
    start: () => {
      listener = listen(port)
    },
  }
}

export type RespServer = ReturnType<typeof startRespServer>

type Buffered = { received: Buffer }

const bulk = (text: string | undefined): string => (text === undefined ? '_\r\n' : `$${Buffer.byteLength(text)}\r\n${text}\r\n`)

/** Takes one array of bulk strings from the front of what was received; undefined while it is not complete. */
const nextCommand = (data: Buffered): string[] | undefined => {
  const { received } = data
  let position = 0
  const line = (): string | undefined => {
    const end = received.indexOf('\r\n', position)
    if (end < 0) return undefined
    const text = received.toString('utf8', position, end)
    position = end + 2
    return text
  }
  const count = line()
  if (count === undefined) return undefined
  const words: string[] = []
  for (let index = 0; index < Number(count.slice(1)); index += 1) {
    const length = line()
    if (length === undefined) return undefined
    const end = position + Number(length.slice(1))
    if (received.length < end + 2) return undefined
    words.push(received.toString('utf8', position, end))
    position = end + 2
  }
  data.received = received.subarray(position)
  return words
}
