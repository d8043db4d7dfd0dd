import { expect, test } from 'vitest'
import { AppError } from '../../src/lib/errors.ts'
import { createLogger, mask } from '../../src/telemetry/log.ts'

const capture = () => {
  const lines: string[] = []
  return { lines, log: createLogger('info', { write: (line) => lines.push(line) }) }
}

test('lines are JSON with a level by name and a time', () => {
  const { lines, log } = capture()
  log.info({ route: 'r' }, 'ready')
  log.debug('unseen')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', msg: 'ready', route: 'r', time: expect.stringMatching(/^\d{4}-.*Z$/) })
})

test('fields named like secrets are cut out, at the top and below', () => {
  const { lines, log } = capture()
  log.info({ authorization: 'Bearer one', headers: { 'x-api-key': 'two', cookie: 'three' }, config: { provider: { api_key: 'four' } } })
  expect(lines.join()).not.toMatch(/one|two|three|four/)
})

test('errors are told with their causes, but without the requests that SDKs hang on them', () => {
  const { lines, log } = capture()
  const cause = Object.assign(new Error('401 for key sk-abcdefghijklmnopqrst'), {
    request: { headers: { authorization: 'Bearer hidden' } },
  })
  log.error({ err: new AppError('upstream_rejected', 'refused', { cause }) }, 'failed')
  const { err } = JSON.parse(lines[0]!)
  expect(err).toMatchObject({
    type: 'AppError',
    code: 'upstream_rejected',
    message: 'refused',
    cause: { message: '401 for key sk-[redacted]' },
  })
  expect(lines.join()).not.toMatch(/hidden|abcdefgh/)
})

test('keys and passwords inside texts are masked, ordinary words are not', () => {
  expect(mask('Bearer abc.def and postgres://weir:hunter2@db/weir')).toBe('Bearer [redacted] and postgres://weir:[redacted]@db/weir')
  expect(mask('weir_0123456789abcdef is no longer valid')).toBe('weir_[redacted] is no longer valid')
  expect(mask('the key is missing; see http://localhost:8484/docs')).toBe('the key is missing; see http://localhost:8484/docs')
})
