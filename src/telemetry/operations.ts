/** Our endpoints under the names of OpenTelemetry's GenAI conventions. */
export const operations = { chat: 'chat', completion: 'text_completion', embedding: 'embeddings', classification: 'classify' } as const
