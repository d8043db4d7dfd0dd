import { describe, expect, test } from 'vitest'
import { toJsonSchema } from '../../src/prompts/picoschema.ts'
import { thrownBy } from './support.ts'

const object = (properties: object, required: string[] | undefined, additionalProperties: unknown = false) => ({
  type: 'object',
  properties,
  additionalProperties,
  ...(required ? { required } : {}),
})

describe('picoschema', () => {
  test.each<[string, unknown, unknown]>([
    ['a scalar', 'string', { type: 'string' }],
    ['a scalar with a description', 'integer, how many, at most', { type: 'integer', description: 'how many, at most' }],
    ['any type', 'any, whatever', { description: 'whatever' }],
    ['fields are required', { a: 'string', b: 'boolean' }, object({ a: { type: 'string' }, b: { type: 'boolean' } }, ['a', 'b'])],
    ['optional fields may be null', { 'a?': 'number, size' }, object({ a: { type: ['number', 'null'], description: 'size' } }, undefined)],
    ['arrays', { 'a(array, some)': 'string' }, object({ a: { type: 'array', items: { type: 'string' }, description: 'some' } }, ['a'])],
    [
      'optional arrays of objects',
      { 'a?(array)': { b: 'null' } },
      object({ a: { type: ['array', 'null'], items: object({ b: { type: 'null' } }, ['b']) } }, undefined),
    ],
    [
      'objects with a description',
      { 'a(object, one)': { 'b?': 'any' } },
      object({ a: { ...object({ b: {} }, undefined), description: 'one' } }, ['a']),
    ],
    [
      'nested objects',
      { 'a?': { b: 'string' } },
      object({ a: { ...object({ b: { type: 'string' } }, ['b']), type: ['object', 'null'] } }, undefined),
    ],
    ['enums', { 'a(enum, pick)': ['x', 1] }, object({ a: { enum: ['x', 1], description: 'pick' } }, ['a'])],
    ['optional enums', { 'a?(enum)': ['x'] }, object({ a: { enum: ['x', null] } }, undefined)],
    [
      'wildcards',
      { a: 'string', '(*)': 'number, other' },
      object({ a: { type: 'string' } }, ['a'], { type: 'number', description: 'other' }),
    ],
    ['JSON Schema', { type: 'object', properties: { a: { const: 1 } } }, { type: 'object', properties: { a: { const: 1 } } }],
    ['JSON Schema without its type', { properties: { a: {} } }, { type: 'object', properties: { a: {} } }],
  ])('%s', (_what, schema, expected) => {
    expect(toJsonSchema(schema)).toEqual(expected)
  })

  test.each<[unknown, string[], string]>([
    [{ a: { b: 'txt' } }, ['a', 'b'], 'unknown type "txt"'],
    [{ 'a(list)': 'string' }, ['a(list)'], '"list" is none of array, object, enum'],
    [{ 'a(enum)': 'x' }, ['a(enum)'], 'needs a list'],
    [{ 'a b': 'string' }, ['a b'], 'cannot read field'],
    [{ a: 'string', 'a?': 'string' }, ['a?'], 'given twice'],
    [{ a: 3 }, ['a'], 'expected a type name'],
  ])('%j is refused at %j', (schema, path, message) => {
    expect(thrownBy(() => toJsonSchema(schema))).toMatchObject({ path, message: expect.stringContaining(message) })
  })
})
