import { afterAll, describe, expect, test } from 'vitest'
import { AppError, isAbort, isRetryable } from '../../src/lib/errors.ts'
import type { ChatEvent, ChatModel, ChatRequest } from '../../src/models/chat-model.ts'
import { collect, failing, requestOf, textOf } from './scripted-model.ts'

/** What the model under test is about to meet. */
export type Situation =
  /** Any prompt gets some text, the same every time at temperature 0. */
  | 'answers'
  /** It writes for at least a second if nobody stops it. */
  | 'writes long'
  /** Given the tool `get_weather(city)` and the choice `required`, it calls it. */
  | 'calls tools'
  /** Given a schema, its answer matches it. */
  | 'answers JSON'
  /** It is told to come back after two seconds. */
  | 'rate limited'
  /** What it is asked is refused as wrong. */
  | 'refuses'

export type Subject = { model: ChatModel; close?: (() => Promise<void>) | undefined }

/** Makes the model for a situation; `undefined` where the situation cannot arise, which skips its tests. */
export type MakeSubject = (situation: Situation) => Subject | undefined | Promise<Subject | undefined>

/** What every chat model promises, whatever stands behind it. */
export const describeChatModel = (name: string, make: MakeSubject): void => {
  describe(`${name} keeps the chat model contract:`, () => {
    const subjects = new Map<Situation, Promise<Subject | undefined>>()
    const subject = (situation: Situation) => {
      const known = subjects.get(situation)
      if (known !== undefined) return known
      const made = Promise.resolve(make(situation))
      subjects.set(situation, made)
      return made
    }
    afterAll(async () => {
      for (const made of subjects.values()) await (await made)?.close?.()
    })
    const during = (situation: Situation, title: string, body: (model: ChatModel) => Promise<void>) =>
      test(title, async (context) => {
        const made = await subject(situation)
        if (made === undefined) return context.skip(`${name} is never in the situation '${situation}'`)
        await body(made.model)
      })

    for (const incremental of [true, false]) {
      const how = incremental ? 'piece by piece' : 'whole'
      during('answers', `${how}: deltas, then one finish, then usage, then nothing`, async (model) => {
        const events = await collect(model.stream(brief({ incremental })))
        expect(shapeOf(events)).toEqual(['deltas', 'finish', 'usage'])
        expect(textOf(events)).not.toBe('')
      })
      during('answers', `${how}: counts the tokens`, async (model) => {
        const usage = (await collect(model.stream(brief({ incremental })))).find((event) => event.type === 'usage')?.usage
        expect(usage?.promptTokens).toBeGreaterThan(0)
        expect(usage?.completionTokens).toBeGreaterThan(0)
        expect(usage?.cachedTokens).toBeLessThanOrEqual(usage?.promptTokens ?? 0)
        expect(usage?.estimated).toBeUndefined()
      })
      during('answers', `${how}: says when the token limit cut the answer`, async (model) => {
        const events = await collect(model.stream(brief({ incremental, sampling: { temperature: 0, maxTokens: 2 } })))
        expect(events).toContainEqual({ type: 'finish', choice: 0, reason: 'length' })
        expect(events.find((event) => event.type === 'usage')?.usage.completionTokens).toBeLessThanOrEqual(2)
      })
      during('calls tools', `${how}: a tool call starts with its id and name, and its arguments are JSON`, async (model) => {
        if (!model.capabilities.tools) return
        const events = await collect(
          model.stream(brief({ incremental, tools: [weather], toolChoice: 'required', sampling: { temperature: 0, maxTokens: 200 } })),
        )
        const pieces = events.filter((event) => event.type === 'tool-call-delta')
        expect(pieces[0]).toMatchObject({ index: 0, name: 'get_weather', id: expect.stringMatching(/./) })
        const args = pieces.filter((piece) => piece.index === 0).map((piece) => piece.arguments)
        expect(JSON.parse(args.join(''))).toEqual({ city: expect.any(String) })
        expect(events).toContainEqual({ type: 'finish', choice: 0, reason: 'tool_calls' })
      })
      during('answers JSON', `${how}: an answer under a strict schema matches it`, async (model) => {
        if (!model.capabilities.jsonSchema) return
        const responseFormat = { type: 'json-schema', name: 'answer', schema: okSchema, strict: true } as const
        const events = await collect(model.stream(brief({ incremental, responseFormat, sampling: { temperature: 0, maxTokens: 200 } })))
        expect(JSON.parse(textOf(events))).toEqual({ ok: expect.any(Boolean) })
      })
    }

    during('answers', 'says the same whole and piece by piece', async (model) => {
      const [pieces, whole] = await Promise.all([true, false].map((incremental) => collect(model.stream(brief({ incremental })))))
      expect(textOf(pieces ?? [])).toBe(textOf(whole ?? []))
    })
    during('answers', 'gives every choice its own text and end', async (model) => {
      if (model.capabilities.choices < 2) return
      const events = await collect(model.stream(brief({ n: 2 })))
      expect(events.filter((event) => event.type === 'finish').map((event) => event.choice)).toEqual([0, 1])
      expect(textOf(events, 1)).not.toBe('')
    })
    during('answers', 'answers several tenants at once', async (model) => {
      const answers = await Promise.all(['a', 'b', 'c'].map((tenant) => collect(model.stream(brief({ tenant })))))
      expect(answers.map(shapeOf)).toEqual(answers.map(() => ['deltas', 'finish', 'usage']))
    })
    during('writes long', 'an abort ends the answer at once, without a finish', async (model) => {
      const controller = new AbortController()
      const events: ChatEvent[] = []
      let abortedAtMs = 0
      try {
        for await (const event of model.stream(long({ signal: controller.signal }))) {
          events.push(event)
          if (abortedAtMs > 0) continue
          abortedAtMs = performance.now()
          controller.abort()
        }
      } catch (error) {
        expect(isAbort(error)).toBe(true)
      }
      expect(performance.now() - abortedAtMs).toBeLessThan(500)
      expect(events.some((event) => event.type === 'finish')).toBe(false)
    })
    during('writes long', 'an abort before the start asks for nothing', async (model) => {
      const { events, error } = await failing(model.stream(long({ signal: AbortSignal.abort() })))
      expect(events).toEqual([])
      expect(isAbort(error)).toBe(true)
    })
    during('writes long', 'a caller that stops reading is let go at once', async (model) => {
      for await (const _event of model.stream(long())) break
      const sinceMs = performance.now()
      for await (const _event of model.stream(long())) break
      expect(performance.now() - sinceMs).toBeLessThan(1000)
    })
    during('rate limited', 'a rate limit is worth another try, after the delay it names', async (model) => {
      const { events, error } = await failing(model.stream(brief()))
      expect(events).toEqual([])
      expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: 2000 })
      expect(isRetryable(error)).toBe(true)
    })
    during('refuses', 'a wrong request is not worth another try', async (model) => {
      const { events, error } = await failing(model.stream(brief()))
      expect(events).toEqual([])
      expect(error).toBeInstanceOf(AppError)
      expect(error).toMatchObject({ code: 'invalid_request' })
      expect(isRetryable(error)).toBe(false)
    })
  })
}

const brief = (changes: Partial<ChatRequest> = {}) => requestOf({ sampling: { temperature: 0, maxTokens: 16 }, ...changes })
const long = (changes: Partial<ChatRequest> = {}) => requestOf({ sampling: { temperature: 0, maxTokens: 2000 }, ...changes })

const weather = {
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string', maxLength: 20 } }, required: ['city'], additionalProperties: false },
}
const okSchema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false }

/** The order of a stream's parts, deltas in a row as one. */
const shapeOf = (events: ChatEvent[]): string[] =>
  events
    .map((event) => (event.type === 'finish' || event.type === 'usage' ? event.type : 'deltas'))
    .filter((kind, position, kinds) => kind !== 'deltas' || kinds[position - 1] !== 'deltas')
