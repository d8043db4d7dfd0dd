/** What a JSON value may be, once a schema is read: only what a grammar can promise. */
export type Shape =
  | { kind: 'any' | 'object-any' | 'array-any' | 'boolean' | 'null' }
  | { kind: 'literal'; values: unknown[] }
  | { kind: 'number'; integer: boolean; min: number | undefined; max: number | undefined; exclusiveMin: boolean; exclusiveMax: boolean }
  | { kind: 'string'; minLength: number; maxLength: number | undefined; format: StringFormat | undefined }
  | { kind: 'object'; properties: { name: string; shape: Shape; required: boolean }[] }
  | { kind: 'map'; values: Shape }
  | { kind: 'array'; prefix: Shape[]; items: Shape | undefined; minItems: number; maxItems: number | undefined }
  | { kind: 'union'; options: Shape[] }
  /** A definition by its JSON pointer; may be recursive. */
  | { kind: 'reference'; pointer: string }

export const stringFormats = ['date', 'time', 'date-time', 'uuid', 'email', 'ipv4'] as const
export type StringFormat = (typeof stringFormats)[number]
