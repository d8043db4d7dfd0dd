import { describe, expect, test } from 'vitest'
import { findPii, piiReach, redactPii } from '../../src/lib/pii.ts'

describe('personal data', () => {
  test.each([
    ['write to ann.lee+x@mail.example.co.uk.', 'write to [email].'],
    ['call +44 20 7946 0958 today', 'call [phone] today'],
    ['card 4111 1111 1111 1111, exp 12/30', 'card [card], exp 12/30'],
    ['DE89 3704 0044 0532 0130 00 is the account', '[iban] is the account'],
    ['from 192.168.10.4 to 2001:db8::ff00:42:8329', 'from [ip] to [ip]'],
    ['key sk-proj-abcdefghijklmnop1234 leaked', 'key [secret] leaked'],
    ['AKIAIOSFODNN7EXAMPLE', '[secret]'],
    ['two: a@b.io, c@d.io', 'two: [email], [email]'],
  ])('%s', (text, redacted) => {
    expect(redactPii(text)).toBe(redacted)
  })

  test.each([
    '4111 1111 1111 1112 fails Luhn',
    'DE89 3704 0044 0532 0130 01 fails its check digits',
    'version 1.2.3.4.5 of 999.1.1.1',
    'at 12:30:45 on page 10:20',
    'order 123456789 of 2026-11-27',
    'a@b is no address',
    'skating and pk-short',
    'C++ std::vector a::b',
  ])('leaves alone: %s', (text) => {
    expect(findPii(text)).toEqual([])
  })

  test('national numbers are found when the country is told', () => {
    expect(findPii('ring 020 7946 0958')).toEqual([])
    expect(redactPii('ring 020 7946 0958', { country: 'GB' })).toBe('ring [phone]')
  })

  test('only the kinds asked for', () => {
    expect(redactPii('a@b.io from 10.0.0.1', { kinds: ['ip'] })).toBe('a@b.io from [ip]')
  })

  test('hostile texts cost no more than others, and no finding is longer than the reach', () => {
    const hostile = [
      'a@'.repeat(20_000),
      '1 '.repeat(20_000),
      'DE12 '.repeat(20_000),
      ':'.repeat(40_000),
      `${'a.'.repeat(20_000)}@x`,
      'sk-'.repeat(20_000),
    ]
    for (const text of hostile) {
      const since = performance.now()
      findPii(text, { kinds: ['email', 'card', 'iban', 'ip', 'secret'] })
      expect(performance.now() - since).toBeLessThan(2_000)
    }
    const long = findPii(`${'x'.repeat(64)}@${`${'y'.repeat(60)}.`.repeat(3)}com sk-${'z'.repeat(1_000)}`)
    expect(Math.max(...long.map(({ start, end }) => end - start))).toBeLessThanOrEqual(piiReach)
  })
})
