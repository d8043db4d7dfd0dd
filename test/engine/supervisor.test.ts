import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { launchChild } from '../../src/engine/launch.ts'
import { Supervisor, type SupervisorOptions } from '../../src/engine/supervisor.ts'
import { AppError, isRetryable } from '../../src/lib/errors.ts'

/** `bun --bun` puts itself on the PATH as `node`, so the second one counts. */
const hasNode = process.env.PATH?.split(':').some((directory) => existsSync(join(directory, 'node')) && !directory.includes('bun-node'))
const cacheDir = mkdtempSync(join(tmpdir(), 'weir-supervisor-'))
const entry = join(import.meta.dirname, '../support/echo-child.ts')
const signal = new AbortController().signal
const running: Supervisor[] = []

const supervise = (options: Partial<SupervisorOptions> = {}, runtime: 'node' | 'bun' = 'bun') => {
  const supervisor = new Supervisor({
    name: 'echo',
    log: () => undefined,
    launch: () => launchChild({ entry, runtime, cacheDir }),
    ...options,
  })
  running.push(supervisor)
  return supervisor
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((supervisor) => supervisor.close()))
})

const failure = (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError)
      return error as AppError
    },
  )

const alive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.each([...(hasNode ? (['node'] as const) : []), 'bun' as const])('a child on runtime %s', (runtime) => {
  test('answers calls, streams events in order and returns bytes', async () => {
    const supervisor = supervise({}, runtime)
    await supervisor.start()
    const events: unknown[] = []
    const [echoed, counted, bytes] = await Promise.all([
      supervisor.call('echo', { text: 'grüße 🌍' }, { signal }),
      supervisor.call('count', { to: 500 }, { signal, onEvent: (event) => events.push(event) }),
      supervisor.call('bytes', { length: 300_000 }, { signal }),
    ])
    expect(echoed.value).toEqual({ text: 'grüße 🌍' })
    expect(counted.value).toBe(500)
    expect(events).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
    expect(bytes.binary.length).toBe(300_000)
    expect(bytes.binary[299_999]).toBe(299_999 % 251)
  })
})

describe('a supervised child', () => {
  test('starts with the first call when nobody started it', async () => {
    const supervisor = supervise()
    expect(supervisor.status().state).toBe('stopped')
    expect((await supervisor.call('echo', 1, { signal })).value).toBe(1)
    expect(supervisor.status().state).toBe('ready')
  })

  test('carries an error over with its code, parameter and delay', async () => {
    const error = await failure(supervise().call('refuse', null, { signal }))
    expect(error).toMatchObject({ code: 'queue_full', message: 'too many', param: 'input', retryAfterMs: 1_234 })
  })

  test('killed mid-call: the call ends as engine_unavailable, the next one is answered by a new child', async () => {
    const supervisor = supervise({ random: () => 0 })
    await supervisor.start()
    const { pid } = supervisor.status()
    const started = Promise.withResolvers<unknown>()
    const waiting = supervisor.call('wait', { ms: 60_000 }, { signal, onEvent: started.resolve })
    await started.promise
    process.kill(pid as number, 'SIGKILL')
    const error = await failure(waiting)
    expect(error.code).toBe('engine_unavailable')
    expect(isRetryable(error)).toBe(true)
    expect((await supervisor.call('echo', 'again', { signal })).value).toBe('again')
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 1 })
    expect(supervisor.status().pid).not.toBe(pid)
  })

  test('that exits by itself is restarted too', async () => {
    const supervisor = supervise({ random: () => 0 })
    expect((await failure(supervisor.call('exit', null, { signal }))).code).toBe('engine_unavailable')
    expect((await supervisor.call('echo', 2, { signal })).value).toBe(2)
  })

  test('that goes silent is killed and replaced', async () => {
    const supervisor = supervise({ heartbeatMs: 50, heartbeatTimeoutMs: 400, random: () => 0 })
    await supervisor.start()
    const error = await failure(supervisor.call('block', { ms: 60_000 }, { signal }))
    expect(error.code).toBe('engine_unavailable')
    expect((await supervisor.call('echo', 3, { signal })).value).toBe(3)
  })

  test('that never starts makes calls fail fast, with a growing delay', async () => {
    const delays: string[] = []
    const supervisor = supervise({
      launch: async () => ({ command: process.execPath, args: ['-e', 'process.exit(1)'], env: {} }),
      log: (_level, message) => {
        if (message.includes('restarting')) delays.push(message.replace(/.* in /, ''))
      },
      random: () => 1,
    })
    expect((await failure(supervisor.start())).code).toBe('engine_unavailable')
    while (delays.length < 5) await Bun.sleep(50)
    expect(delays.slice(0, 5)).toEqual(['200 ms', '400 ms', '800 ms', '1600 ms', '3200 ms'])
    const error = await failure(supervisor.call('echo', 1, { signal }))
    expect(error.code).toBe('engine_unavailable')
    expect(error.retryAfterMs).toBeGreaterThan(1_000)
  })

  test('is cancelled when the caller goes', async () => {
    const controller = new AbortController()
    const supervisor = supervise()
    const started = Promise.withResolvers<unknown>()
    const waiting = supervisor.call('wait', { ms: 60_000 }, { signal: controller.signal, onEvent: started.resolve })
    await started.promise
    controller.abort()
    expect((await failure(waiting)).code).toBe('aborted')
    expect(supervisor.status().inFlight).toBe(0)
  })

  test('finishes what is in flight before it stops, and takes nothing new', async () => {
    const supervisor = supervise()
    const started = Promise.withResolvers<unknown>()
    const waiting = supervisor.call('wait', { ms: 300 }, { signal, onEvent: started.resolve })
    await started.promise
    const { pid } = supervisor.status()
    const closing = supervisor.close()
    expect((await failure(supervisor.call('echo', 1, { signal }))).code).toBe('engine_unavailable')
    expect((await waiting).value).toEqual({ stopped: false })
    await closing
    expect(alive(pid)).toBe(false)
  })

  test('dies with its gateway', async () => {
    const script = `
      import { Supervisor } from ${JSON.stringify(join(import.meta.dirname, '../../src/engine/supervisor.ts'))}
      import { launchChild } from ${JSON.stringify(join(import.meta.dirname, '../../src/engine/launch.ts'))}
      const supervisor = new Supervisor({ name: 'echo', log: () => {}, launch: () => launchChild(${JSON.stringify({ entry, runtime: 'auto', cacheDir })}) })
      await supervisor.start()
      console.log(supervisor.status().pid)
      await new Promise(() => {})`
    const gateway = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
    const reader = gateway.stdout.getReader()
    const pid = Number(new TextDecoder().decode((await reader.read()).value))
    expect(alive(pid)).toBe(true)
    gateway.kill('SIGKILL')
    await gateway.exited
    for (let tries = 0; alive(pid) && tries < 50; tries++) await Bun.sleep(50)
    expect(alive(pid)).toBe(false)
  })
})
