import { AppError } from '../../lib/errors.ts'
import type { ChatMessage } from '../../models/chat-model.ts'
import { fillText } from '../fill.ts'
import type { TemplateMessage, TestingCriterion } from './wire.ts'

/** What templates may name: the row of the data, and the answer to it. */
export type Namespaces = { item: Record<string, unknown>; sample?: Record<string, unknown> | undefined }

/** Messages with their templates filled in. */
export const fillMessages = (messages: readonly TemplateMessage[], names: Namespaces): ChatMessage[] =>
  messages.map(({ role, content }) => ({ role, content: fillText(contentText(content), names) }))

export const contentText = (content: TemplateMessage['content']): string =>
  [content]
    .flat()
    .map((part) => (typeof part === 'string' ? part : part.text))
    .join('\n')

/** Throws `invalid_request` for a template that names a field of the item that its schema does not have. */
export const checkTemplates = (criteria: readonly TestingCriterion[], itemSchema: Record<string, unknown>): void => {
  const { properties, additionalProperties } = itemSchema as { properties?: object; additionalProperties?: unknown }
  if (properties === undefined || additionalProperties === true) return
  for (const [index, criterion] of criteria.entries()) {
    for (const text of textsOf(criterion)) {
      for (const [, field = ''] of text.matchAll(/\{\{\s*item\.([A-Za-z_]\w*)/g)) {
        if (Object.hasOwn(properties, field)) continue
        throw new AppError('invalid_request', `'testing_criteria[${index}]': item_schema has no field '${field}'`, {
          param: `testing_criteria[${index}]`,
        })
      }
    }
  }
}

const textsOf = (criterion: TestingCriterion): string[] =>
  'model' in criterion ? criterion.input.map(({ content }) => contentText(content)) : [criterion.input, criterion.reference]
