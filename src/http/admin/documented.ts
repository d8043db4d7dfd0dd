import type { OpenAPIHono } from '@hono/zod-openapi'
import type { z } from 'zod'
import { readJson } from '../body.ts'
import type { EdgeContext, Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'

type Documentation<Body extends z.ZodType, Query extends z.ZodType> = {
  summary: string
  tag: string
  /** Of the JSON body; a route without it reads none. */
  body?: Body
  query?: Query
  /** What a success looks like. */
  response: { status?: 200 | 201; description: string; schema?: z.ZodType; type?: string }
  /** Largest body; 1 MiB when absent. */
  maxBytes?: number
}

type Handler<Body extends z.ZodType, Query extends z.ZodType> = (
  c: EdgeContext,
  input: { body: z.output<Body>; query: z.output<Query>; path: (name: string) => string },
) => Promise<Response> | Response

/**
 * Adds a route together with its entry in the OpenAPI document. `{name}` in a path may hold slashes, as the names of prompts and models do,
 * raw or as `%2F`; so longer paths are added before shorter ones.
 */
export const documented = <Body extends z.ZodType, Query extends z.ZodType>(
  app: OpenAPIHono<Env>,
  method: 'get' | 'post' | 'put' | 'delete',
  path: string,
  documentation: Documentation<Body, Query>,
  handler: Handler<Body, Query>,
): void => {
  const { summary, tag, body, query, response, maxBytes = 1024 * 1024 } = documentation
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    tags: [tag],
    security: [{ bearer: [] }],
    parameters: names.map((name) => ({ name, in: 'path' as const, required: true, schema: { type: 'string' as const } })),
    request: {
      ...(body ? { body: { required: true, content: { 'application/json': { schema: body } } } } : {}),
      ...(query ? { query: query as never } : {}),
    },
    responses: {
      [response.status ?? 200]: {
        description: response.description,
        content: { [response.type ?? 'application/json']: response.schema ? { schema: response.schema } : {} },
      },
    },
  })
  // Hono's router takes nothing between two parameters of which one holds slashes: it gets both as one, and the last segment is the version.
  const routed = path
    .replace('{name}/{version}', '{name}')
    .replace('{name}', ':name{.+}')
    .replaceAll(/\{(\w+)\}/g, ':$1')
  const withVersion = path.includes('{name}/{version}')
  app.on(method.toUpperCase(), routed, async (c) => {
    const found = c.req.param('name') ?? ''
    const slash = withVersion ? found.lastIndexOf('/') : found.length
    const own: Record<string, string> = { name: found.slice(0, slash), ...(withVersion ? { version: found.slice(slash + 1) } : {}) }
    return handler(c as EdgeContext, {
      body: (body ? parse(body, await readJson(c.req.raw, maxBytes)) : undefined) as z.output<Body>,
      query: (query ? parse(query, c.req.query()) : undefined) as z.output<Query>,
      path: (name) => own[name] ?? c.req.param(name) ?? '',
    })
  })
}
