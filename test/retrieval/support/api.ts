import { Hono } from 'hono'
import OpenAI from 'openai'
import { afterAll } from 'vitest'
import type { Env } from '../../../src/http/context.ts'
import { errorResponse } from '../../../src/http/errors.ts'
import { fileRoutes } from '../../../src/http/files.ts'
import { vectorStoreRoutes } from '../../../src/http/vector-stores.ts'
import { collectionRoutes } from '../../../src/http/vector-stores-admin.ts'
import { uuidv7 } from '../../../src/lib/ids.ts'
import { createAttachments } from '../../../src/retrieval/attachments.ts'
import type { Retrieval } from '../../../src/retrieval/retrieval.ts'

/** The routes of the room behind a real server, where the API key names the tenant. */
export const serveRetrieval = (retrieval: Retrieval, embedding = 'words') => {
  const attachments = createAttachments(retrieval)
  const { db } = retrieval.deps.database
  const app = new Hono<Env>()
    .use(async (c, next) => {
      c.set('requestId', uuidv7())
      c.set('principal', {
        keyId: null,
        tenant: c.req.header('authorization')?.slice('Bearer '.length) ?? '',
        scopes: ['inference'],
      } as Env['Variables']['principal'])
      await next()
    })
    .route('/v1/files', fileRoutes({ db, clock: Date.now, detach: attachments.detachEverywhere, maxFileBytes: 1 << 20 }))
    .route('/v1/vector_stores', vectorStoreRoutes({ retrieval, attachments, defaults: () => ({ embedding, kind: 'hnsw' }) }))
  app.route('/admin/collections', collectionRoutes({ retrieval, defaults: () => ({ embedding, kind: 'hnsw' }) }))
  app.onError((error, c) => errorResponse(error, c.get('requestId')))
  const server = Bun.serve({ port: 0, fetch: app.fetch })
  afterAll(async () => {
    await server.stop(true)
    await attachments.close()
  })
  const client = (tenant: string) => new OpenAI({ apiKey: tenant, baseURL: `${server.url}v1`, maxRetries: 0 })
  return { attachments, client, url: server.url, fetch: async (request: Request) => app.fetch(request) }
}
