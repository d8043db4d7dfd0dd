import { OpenAPIHono } from '@hono/zod-openapi'
import { Hono } from 'hono'
import type { Env } from '../context.ts'

/** Routes by the path they are mounted at. */
export type Mounts = Readonly<Record<string, Hono<Env>>>

/** `/openapi.json` and `/docs` over every mounted app that documents its routes. The page is plain HTML: no scripts, nothing fetched. */
export const docsRoutes = (mounts: () => Mounts): Hono<Env> =>
  new Hono<Env>()
    .get('/openapi.json', (c) => c.json(openApiDocument(mounts())))
    .get('/docs', (c) =>
      c.html(docsPage(openApiDocument(mounts())), 200, { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" }),
    )

/** As much of an OpenAPI 3.1 document as the page reads. */
export type Document = {
  openapi: string
  info: { title: string; version: string; description: string }
  paths: Record<string, Record<string, Operation>>
  components: Record<string, unknown>
}
type Operation = {
  summary?: string
  tags?: string[]
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown }[]
  requestBody?: { content?: Content }
  responses?: Record<string, { description?: string; content?: Content }>
}
type Content = Record<string, { schema?: unknown }>

/** One document of all apps, each path under the path its app is mounted at. */
export const openApiDocument = (mounts: Mounts): Document => {
  const info = { title: 'Weir administration', version: '1', description: 'Every operation needs a key of scope admin.' }
  const document: Document = { openapi: '3.1.0', info, paths: {}, components: {} }
  for (const [base, app] of Object.entries(mounts)) {
    if (!(app instanceof OpenAPIHono)) continue
    const { paths = {}, components = {} } = app.getOpenAPI31Document({ openapi: '3.1.0', info })
    for (const [path, operations] of Object.entries(paths)) {
      document.paths[path === '/' ? base : base + path] = operations as unknown as Record<string, Operation>
    }
    for (const [kind, named] of Object.entries(components))
      document.components[kind] = { ...(document.components[kind] as object), ...named }
  }
  document.components.securitySchemes = { bearer: { type: 'http', scheme: 'bearer' } }
  return document
}

const docsPage = ({ info, paths }: Document): string => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))]
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
    return `<h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${own.map(operationHtml).join('')}`
  })
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(info.title)}</title><style>${style}</style></head>
<body>
<h1>${escapeHtml(info.title)}</h1>
<p>${escapeHtml(info.description)} The same as a document: <a href="openapi.json">openapi.json</a>.</p>
<nav>${tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join(' ')}</nav>
${sections.join('\n')}
</body>
</html>
`
}

const operationHtml = ({ path, method, operation }: { path: string; method: string; operation: Operation }): string => {
  const parameters = (operation.parameters ?? []).map(
    (parameter) =>
      `<li><code>${escapeHtml(parameter.name)}</code> in ${escapeHtml(parameter.in)}${parameter.required ? '' : ', optional'}</li>`,
  )
  const responses = Object.entries(operation.responses ?? {}).map(
    ([status, response]) => `<p>${escapeHtml(status)}: ${escapeHtml(response.description ?? '')}</p>${schemasHtml(response.content)}`,
  )
  return `<details><summary><b>${escapeHtml(method.toUpperCase())}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(operation.summary ?? '')}</summary>
${parameters.length > 0 ? `<ul>${parameters.join('')}</ul>` : ''}
${operation.requestBody ? `<p>Body</p>${schemasHtml(operation.requestBody.content)}` : ''}
${responses.join('')}</details>`
}

const schemasHtml = (content: Content = {}): string =>
  Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<p><code>${escapeHtml(type)}</code></p>${schema ? `<pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre>` : ''}`,
    )
    .join('')

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
details{border:1px solid #ddd;border-radius:4px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}
pre{background:#f6f6f6;padding:.8rem;overflow:auto;max-height:24rem}nav a{margin-right:1rem}`
