/**
 * Parameters of OpenAI's API that we know and refuse, with the reason told to the client. Whatever is neither in a schema nor here is
 * refused as unknown: nothing a client asks for is silently ignored.
 */
export const unsupportedParameters: Readonly<Record<string, string>> = {
  audio: 'answers are text',
  best_of: "ask for choices with 'n' and choose among them",
  function_call: "use 'tool_choice'",
  functions: "use 'tools'",
  guided_choice: "use 'structured_outputs': {choice: [...]}",
  prediction: 'no model here takes predicted output',
  reasoning_effort: 'models think as much as they are configured to',
  verbosity: 'say in the prompt how long the answer should be',
  web_search_options: 'there is no web search',
}
