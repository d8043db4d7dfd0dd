import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { LRUCache } from 'lru-cache'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import type { ChatEvent, ChatModel, ChatRequest, JsonSchema } from './chat-model.ts'
import { around, type Wrapper } from './wrap.ts'

/**
 * Checks the answers of a model whose host does not enforce their format. One that breaks a strict schema, is not JSON, or is none of the
 * texts asked for, never ends: it throws `upstream_failed` in place of `finish`. A whole answer is checked before its first event, so that
 * retry and fallback can act.
 */
export const structuredOutput: Wrapper = (model) =>
  around(model, (request) => {
    const { type } = request.responseFormat ?? { type: 'text' }
    return type === 'text' ? model.stream(request) : checkedStream(model, request)
  })

/** For hosts that enforce schemas: only answers out of given texts are checked, which older releases of them do not know. */
export const chosenOutput: Wrapper = (model) =>
  around(model, (request) => (request.responseFormat?.type === 'one-of' ? checkedStream(model, request) : model.stream(request)))

async function* checkedStream(model: ChatModel, request: ChatRequest): AsyncGenerator<ChatEvent> {
  const check = checkFor(request)
  const events = model.stream(request)
  yield* request.incremental ? checkedAtEnd(model.id, events, check) : checkedWhole(model.id, events, check)
}

type Check = (text: string) => string | undefined

async function* checkedAtEnd(modelId: string, events: AsyncIterable<ChatEvent>, check: Check): AsyncGenerator<ChatEvent> {
  const texts = new Map<number, string>()
  for await (const event of events) {
    if (event.type === 'text-delta') texts.set(event.choice, (texts.get(event.choice) ?? '') + event.text)
    if (event.type === 'finish') requireValid(modelId, event, texts.get(event.choice), check)
    yield event
  }
}

async function* checkedWhole(modelId: string, events: AsyncIterable<ChatEvent>, check: Check): AsyncGenerator<ChatEvent> {
  const checked: ChatEvent[] = []
  for await (const event of checkedAtEnd(modelId, events, check)) checked.push(event)
  yield* checked
}

/** Only an answer that ended by itself is held to the schema: one cut at its length limit says so, a refusal has no text. */
const requireValid = (modelId: string, { reason }: { reason: string }, text: string | undefined, check: Check) => {
  const fault = reason === 'stop' && text !== undefined ? check(text) : undefined
  if (fault !== undefined) {
    throw new AppError('upstream_failed', `model '${modelId}' gave an answer that breaks the response format`, {
      cause: new Error(fault),
    })
  }
}

const checkFor = ({ responseFormat, sampling }: ChatRequest): Check => {
  if (responseFormat?.type === 'one-of') {
    const { texts } = responseFormat
    // A stop sequence may have cut it.
    const allowed = (text: string) => (sampling.stop?.length ? texts.some((one) => one.startsWith(text)) : texts.includes(text))
    return (text) => (allowed(text) ? undefined : 'the answer is none of the texts that were given')
  }
  const validate = responseFormat?.type === 'json-schema' && responseFormat.strict ? compileClientSchema(responseFormat.schema) : undefined
  return (text) => {
    try {
      const value: unknown = JSON.parse(text)
      if (validate === undefined || validate(value)) return undefined
      const [error] = validate.errors ?? []
      return `${error?.instancePath || 'the answer'} ${error?.message ?? 'does not match'}`
    } catch {
      return 'the answer is not JSON'
    }
  }
}

/**
 * Schemas come from clients. Their patterns are not run: one written to backtrack would stop the whole process, and a host that
 * enforces nothing gains little from them.
 */
const options = {
  strict: false,
  validateFormats: false,
  code: { regExp: Object.assign(() => ({ test: () => true }), { code: 'anyText' }) },
}
const draft7 = new Ajv(options)
const draft2020 = new Ajv2020(options)
const validators = new LRUCache<string, ValidateFunction>({ max: 200 })

export const compileClientSchema = (schema: JsonSchema, param = 'response_format.json_schema.schema'): ValidateFunction => {
  const key = hashOf(schema)
  const known = validators.get(key)
  if (known !== undefined) return known
  try {
    const ajv = String(schema.$schema ?? '').includes('draft-07') ? draft7 : draft2020
    const validate = ajv.compile(schema)
    // Ajv would keep every schema it ever saw.
    ajv.removeSchema(schema)
    validators.set(key, validate)
    return validate
  } catch (cause) {
    throw new AppError('invalid_request', 'the JSON schema is not valid', { cause, param })
  }
}
