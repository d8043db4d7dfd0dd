import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { docsRoutes } from '../../src/http/admin/docs.ts'
import { modelRoutes } from '../../src/http/admin/models.ts'
import { promptRoutes } from '../../src/http/admin/prompts.ts'
import type { Env } from '../../src/http/context.ts'

// The routes are described here, never called: what they would work on is not needed.
const absent = undefined as never
const mounts = {
  '/admin/prompts': promptRoutes({ db: absent, clock: Date.now, findPassingEvalRun: async () => undefined, casesOf: async () => [] }),
  '/admin/models': modelRoutes({
    db: absent,
    clock: Date.now,
    artifacts: absent,
    hub: absent,
    runtime: {},
    indexExists: async () => false,
  }),
  '/admin/plain': new Hono<Env>(),
}
const app = new Hono<Env>().route(
  '/admin',
  docsRoutes(() => mounts),
)

test('one OpenAPI document holds every documented route', async () => {
  const document = (await (await app.request('/admin/openapi.json')).json()) as {
    paths: Record<string, Record<string, { security: unknown; requestBody?: unknown }>>
  }
  for (const path of ['/admin/prompts', '/admin/prompts/{name}/render', '/admin/models/pull', '/admin/models/{name}/{version}/card']) {
    expect(Object.keys(document.paths)).toContain(path)
  }
  expect(document.paths['/admin/prompts/sync']?.post).toMatchObject({ requestBody: { required: true }, security: [{ bearer: [] }] })
})

test('people read the same on a page that runs nothing', async () => {
  const response = await app.request('/admin/docs')
  const page = await response.text()
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page).toContain('/admin/prompts/{name}/promote')
  expect(page).toContain('expected_version')
  expect(page).not.toContain('<script')
})
