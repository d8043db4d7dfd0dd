import type { ChatModel } from './chat-model.ts'

/** Adds behaviour around a model without changing what it is. */
export type Wrapper = (model: ChatModel) => ChatModel

/** `wrap(model, limit, retry)` is `limit(retry(model))`: the list reads from the outside in. */
export const wrap = (model: ChatModel, ...wrappers: Wrapper[]): ChatModel => wrappers.reduceRight((inner, wrapper) => wrapper(inner), model)

/** The same model with another stream. Capabilities are read each time: a local model learns its own when it loads. */
export const around = (model: ChatModel, stream: ChatModel['stream']): ChatModel => ({
  id: model.id,
  get capabilities() {
    return model.capabilities
  },
  stream,
})
