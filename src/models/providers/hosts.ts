import type { ChatCapabilities } from '../chat-model.ts'

/** How a host that speaks OpenAI's protocol differs from the others. A new host is a new row. */
export type Host = {
  /** How its `base_url` is known; absent when the address does not tell and the configuration must name the host. */
  address?: RegExp | undefined
  capabilities: ChatCapabilities
  /** What the host calls the limit on answer tokens in chat. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** Whether it knows the `developer` role; others are sent `system`. */
  developerRole: boolean
  /** Whether a strict JSON schema is enforced while decoding, so that the answer need not be checked again. */
  enforcesSchema: boolean
  /** Fields beyond OpenAI's first set that the host refuses rather than ignores. */
  refuses: readonly ('stream_options' | 'user' | 'parallel_tool_calls')[]
}

const everything: ChatCapabilities = {
  contextTokens: undefined,
  tools: true,
  jsonSchema: true,
  jsonObject: true,
  oneOf: false,
  logprobs: true,
  choices: 128,
  seed: true,
  penalties: true,
  logitBias: true,
  images: true,
  completion: { echo: true, suffix: true },
}

export const hosts = {
  openai: {
    address: /^https:\/\/api\.openai\.com\//,
    capabilities: everything,
    maxTokensField: 'max_completion_tokens',
    developerRole: true,
    enforcesSchema: true,
    refuses: [],
  },
  vllm: {
    capabilities: { ...everything, oneOf: true, completion: { echo: true, suffix: false } },
    maxTokensField: 'max_tokens',
    developerRole: true,
    enforcesSchema: true,
    refuses: [],
  },
  'llama-server': {
    capabilities: { ...everything, choices: 1, images: false, completion: { echo: false, suffix: false } },
    maxTokensField: 'max_tokens',
    developerRole: false,
    enforcesSchema: true,
    refuses: [],
  },
  ollama: {
    address: /:11434(\/|$)/,
    // Its /v1 route drops n, logit_bias and logprobs without a word; its grammar skips schema keywords that it does not know.
    capabilities: { ...everything, choices: 1, logprobs: false, logitBias: false, completion: { echo: false, suffix: true } },
    maxTokensField: 'max_tokens',
    developerRole: false,
    enforcesSchema: false,
    refuses: [],
  },
  mistral: {
    address: /^https:\/\/api\.mistral\.ai\//,
    capabilities: { ...everything, logprobs: false, seed: false, logitBias: false, completion: false },
    maxTokensField: 'max_tokens',
    developerRole: false,
    enforcesSchema: true,
    refuses: ['stream_options', 'user'],
  },
  groq: {
    address: /^https:\/\/api\.groq\.com\//,
    capabilities: { ...everything, choices: 1, logprobs: false, logitBias: false, completion: false },
    maxTokensField: 'max_completion_tokens',
    developerRole: false,
    enforcesSchema: false,
    refuses: [],
  },
  /** Any other: speaks the protocol, promises nothing beyond it. */
  generic: {
    capabilities: everything,
    maxTokensField: 'max_tokens',
    developerRole: false,
    enforcesSchema: false,
    refuses: [],
  },
} satisfies Record<string, Host>

export type HostName = keyof typeof hosts
export const hostNames = Object.keys(hosts) as [HostName, ...HostName[]]

/** The host that a base URL points at. */
export const hostOf = (baseUrl: string): HostName => hostNames.find((name) => (hosts[name] as Host).address?.test(baseUrl)) ?? 'generic'
