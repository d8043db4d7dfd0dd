import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'

const parse = (text: string, environment: Record<string, string> = {}) => parseConfig(text, 'weir.yaml', environment)
const faultOf = (text: string, environment?: Record<string, string>) => {
  try {
    parse(text, environment)
  } catch (error) {
    return (error as Error).message
  }
  return 'no fault'
}

describe('weir.yaml', () => {
  test('an empty file is a configuration of defaults', () => {
    expect(parse('').defaults.timeouts.connect_ms).toBe(10_000)
  })

  test('an unknown key is refused at its line', () => {
    expect(faultOf('defaults:\n  retry:\n    atempts: 3\n')).toBe('weir.yaml:3:5: defaults.retry.atempts: unknown key')
  })

  test('a wrong type is refused at its value', () => {
    expect(faultOf('defaults:\n  retry:\n    attempts: many\n')).toMatch(/^weir\.yaml:3:15: defaults\.retry\.attempts: /)
  })

  test('of several kinds of model, the one meant explains what is wrong', () => {
    const text = `models:\n  tiny:\n    kind: llm\n    path: tiny.gguf\n    sha256: ${'a'.repeat(64)}\n    sequence: 4\n`
    expect(faultOf(text)).toBe('weir.yaml:6:5: models.tiny.sequence: unknown key')
  })

  test('a tab is a YAML error with its line', () => {
    expect(faultOf('models:\n\ttiny: {}\n')).toMatch(/^weir\.yaml:2:1: .*[Tt]ab/)
  })

  test('a doubled key is refused', () => {
    expect(faultOf('routes: {}\nroutes: {}\n')).toMatch(/^weir\.yaml:2:1: .*unique/)
  })

  test('a route whose model does not exist names it', () => {
    const text = 'routes:\n  chat:\n    variants:\n      - { name: stable, model: gone }\n'
    expect(faultOf(text)).toBe('weir.yaml:4:32: routes.chat.variants.0.model: no llm is named gone')
  })

  test('a budget’s fallback that nobody serves is named', () => {
    const budget = (fallback: string) => `budgets:\n  - { per: tenant, period: day, usd: 1, on_exceeded: { fallback: ${fallback} } }\n`
    const models = `models: { small: { kind: llm, path: a.gguf, sha256: ${'a'.repeat(64)} } }\n`
    expect(faultOf(models + budget('gone'))).toContain('budgets.0.on_exceeded.fallback: no route or llm is named gone')
    expect(faultOf(models + budget('small'))).toBe('no fault')
    expect(faultOf(models + budget('small, variant: gone'))).toContain(
      'budgets.0.on_exceeded.variant: no variant of that route is named gone',
    )
  })

  test('tokens are believed of issuers behind TLS or on this machine only', () => {
    const oidc = (issuer: string) => `auth: { oidc: { issuer: "${issuer}", audience: weir, tenant_claim: project } }\n`
    expect(parse(oidc('https://login.example')).auth.oidc).toMatchObject({ audience: ['weir'], scopes: { admin: 'admin' } })
    expect(faultOf(oidc('http://127.0.0.1:9000'))).toBe('no fault')
    expect(faultOf(oidc('http://login.example'))).toContain('auth.oidc.issuer: must be https')
  })

  test('weights that do not add up to 100 are refused', () => {
    const text = `models: { a: { kind: llm, path: a.gguf, sha256: ${'a'.repeat(64)} } }
routes:
  chat:
    variants:
      - { name: one, model: a, weight_percent: 60 }
      - { name: two, model: a, weight_percent: 30 }
`
    expect(faultOf(text)).toMatch(/weight_percent adds up to 90, not 100/)
  })

  test('${NAME} comes from the environment, and a missing one is an error at its line', () => {
    const text = 'providers:\n  host:\n    kind: openai-compatible\n    base_url: http://localhost:1/v1\n    api_key: ${HOST_KEY}\n'
    expect(parse(text, { HOST_KEY: 'secret' }).providers.host?.api_key).toBe('secret')
    expect(faultOf(text)).toMatch(/^weir\.yaml:5:14: environment variable HOST_KEY is not set/)
    expect(parse(text.replace('${HOST_KEY}', '${HOST_KEY:-}')).providers.host?.api_key).toBe('')
  })

  test('messages never repeat a secret', () => {
    const text = 'providers:\n  host:\n    kind: openai-compatible\n    base_url: ${KEY}\n'
    expect(faultOf(text, { KEY: 'sk-very-secret' })).not.toContain('sk-very-secret')
  })

  test('every fault is listed at once', () => {
    expect(faultOf('defaults:\n  payloads: some\n  nope: 1\n').split('\n')).toHaveLength(2)
  })
})

test('a route that overrides one timeout keeps the others of the file', () => {
  const config = parse(`models: { a: { kind: llm, path: a.gguf, sha256: ${'a'.repeat(64)} } }
defaults: { timeouts: { idle_ms: 5 } }
routes: { chat: { timeouts: { total_ms: 7 }, variants: [{ name: one, model: a }] } }
`)
  expect(config.defaults.timeouts).toMatchObject({ idle_ms: 5, total_ms: 600_000 })
  expect(config.routes.chat?.timeouts).toEqual({ total_ms: 7 })
})
