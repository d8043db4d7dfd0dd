import { openPrompt, type RenderRequest } from '../../src/prompts/prompt.ts'

/** Renders a prompt text at once; `partials` by name. */
export const render = (
  text: string,
  variables: Record<string, unknown> = {},
  more: Partial<RenderRequest> & { partials?: Record<string, string> } = {},
) => {
  const { partials = {}, ...request } = more
  return openPrompt({ name: 'test/prompt', path: 'test/prompt.prompt', text, partials }).render({ variables, ...request })
}

export const messages = (...parameters: Parameters<typeof render>) => render(...parameters).messages

/** The error an action throws, for looking at its fields. */
export const thrownBy = (action: () => unknown): unknown => {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
