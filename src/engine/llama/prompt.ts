import { Template } from '@huggingface/jinja'
import { AppError } from '../../lib/errors.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A message as chat templates expect it. */
export type TemplateMessage = {
  role: string
  content: string
  name?: string
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: unknown } }[]
  tool_call_id?: string
}

export type PromptRenderer = {
  /** Whether the template itself writes tools and tool calls. */
  knowsTools: boolean
  /** Tokens up to where the assistant's answer starts. Throws `invalid_request` when the template refuses the conversation. */
  render(messages: TemplateMessage[], tools: object[] | undefined): number[]
}

/** Used when a model file brings no template, as llama.cpp does. */
export const chatMl =
  '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

/** What role markers look like in templates whose models hold them as plain text or user-defined tokens. */
const markerShape = /<[|\uff5c][^|\uff5c>\s]{1,40}[|\uff5c]>|\[\/?[A-Z_]{3,}\]|<<\/?SYS>>|<\/?s>|<(?:start|end)_of_turn>/g

/**
 * Renders conversations so that no text of a message can act as a control token: before rendering, every marker inside message text is
 * cut by a sentinel that the template carries through; after it, only whole markers, which the template wrote itself, become control tokens.
 * Markers that are no control tokens are parted by a visible space.
 */
export const createPromptRenderer = (source: string, vocabulary: Vocabulary): PromptRenderer => {
  const template = new Template(source)
  const controls = alternation([...vocabulary.control.keys()])
  const roleMarkers = alternation([...new Set(source.match(markerShape) ?? [])].filter((marker) => !vocabulary.control.has(marker)))

  const render = (messages: TemplateMessage[], tools: object[] | undefined): number[] => {
    const sentinel = String.fromCodePoint(...Array.from({ length: 4 }, () => 0xe000 + Math.floor(Math.random() * 6_400)))
    const split = (between: string) => (marker: string) => marker[0] + between + marker.slice(1)
    const cut = (text: string) => {
      const withoutControls = controls ? text.replace(controls, split(sentinel)) : text
      return roleMarkers ? withoutControls.replace(roleMarkers, split(' ')) : withoutControls
    }
    let rendered: string
    try {
      rendered = template.render({
        messages: mapStrings(messages, cut),
        ...(tools ? { tools: mapStrings(tools, cut) } : {}),
        add_generation_prompt: true,
        bos_token: vocabulary.bosText,
        eos_token: vocabulary.eosText,
      })
    } catch (cause) {
      throw new AppError('invalid_request', `the model's chat template cannot render this conversation: ${message(cause)}`, {
        param: 'messages',
        cause,
      })
    }
    const tokens = tokenizeSegments(rendered, controls, sentinel, vocabulary)
    if (vocabulary.bos !== undefined && tokens[0] !== vocabulary.bos) tokens.unshift(vocabulary.bos)
    return tokens
  }
  return { knowsTools: /\btools\b/.test(source) && /\btool_calls\b/.test(source), render }
}

const tokenizeSegments = (rendered: string, controls: RegExp | undefined, sentinel: string, vocabulary: Vocabulary): number[] => {
  const tokens: number[] = []
  let from = 0
  // The halves of a cut marker are tokenized alone, so that they cannot grow together again.
  const plain = (text: string) => {
    for (const piece of text.split(sentinel)) for (const token of vocabulary.tokenize(piece)) tokens.push(token)
  }
  for (const match of controls ? rendered.matchAll(controls) : []) {
    plain(rendered.slice(from, match.index))
    tokens.push(vocabulary.control.get(match[0]) as number)
    from = match.index + match[0].length
  }
  plain(rendered.slice(from))
  return tokens
}

const alternation = (words: string[]): RegExp | undefined =>
  words.length === 0
    ? undefined
    : new RegExp(
        words
          .filter((word) => word.length > 1)
          .sort((left, right) => right.length - left.length)
          .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('|'),
        'g',
      )

const mapStrings = <Value>(value: Value, change: (text: string) => string): Value => {
  if (typeof value === 'string') return change(value) as Value
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as Value
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)])) as Value
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
