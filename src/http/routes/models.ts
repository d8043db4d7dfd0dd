import { mayCall } from '../../keys/principal.ts'
import { AppError } from '../../lib/errors.ts'
import type { EdgeContext } from '../context.ts'

/** A name that clients may put into `model`. */
export type ModelListing = {
  id: string
  /** Milliseconds since the epoch. */
  createdAtMs: number
  ownedBy: string
}

/** `GET /v1/models`: those that the caller's key is for. */
export const listModels = (models: () => ModelListing[]) =>
  function listModels(c: EdgeContext): Response {
    return c.json({ object: 'list', data: callable(c, models()).map(modelJson) })
  }

/** `GET /v1/models/{id}`. Ids may hold slashes. */
export const getModel = (models: () => ModelListing[]) =>
  function getModel(c: EdgeContext): Response {
    const id = c.req.param('id') ?? ''
    const model = callable(c, models()).find((candidate) => candidate.id === id)
    if (model === undefined) throw new AppError('model_not_found', `the model '${id}' does not exist`, { param: 'model' })
    return c.json(modelJson(model))
  }

const callable = (c: EdgeContext, models: ModelListing[]) => models.filter(({ id }) => mayCall(c.get('principal'), id))

const modelJson = ({ id, createdAtMs, ownedBy }: ModelListing) => ({
  id,
  object: 'model',
  created: Math.floor(createdAtMs / 1000),
  owned_by: ownedBy,
})
