import { marked } from 'marked'
import sanitizeHtml from 'sanitize-html'
import { parse as parseYaml } from 'yaml'

/** A model card in Hugging Face's form: YAML metadata between `---` lines, then Markdown. */
export type ModelCard = { metadata: Record<string, unknown>; markdown: string }

/** Never throws: a card is written by strangers, and one whose metadata cannot be read still has its text. */
export const parseCard = (text: string): ModelCard => {
  const match = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)([\s\S]*)$/.exec(text)
  if (match === null) return { metadata: {}, markdown: text }
  const [, yaml = '', markdown = ''] = match
  try {
    const metadata: unknown = parseYaml(yaml)
    const isMap = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
    return { metadata: isMap ? (metadata as Record<string, unknown>) : {}, markdown }
  } catch {
    return { metadata: {}, markdown }
  }
}

/** A page of its own: what the registry knows, the card's metadata, its text. No scripts, styles, frames or forms of the card's come through. */
export const renderCard = ({
  title,
  facts,
  card,
}: {
  title: string
  facts: [name: string, value: string][]
  card: string | null
}): string => {
  const { metadata, markdown } = parseCard(card ?? '')
  const body = sanitizeHtml(marked.parse(markdown, { async: false, gfm: true }), allowed)
  const metadataRows = Object.entries(metadata).map(([key, value]): [string, string] => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body>
<h1>${escapeHtml(title)}</h1>
${tableOf(facts)}
${metadataRows.length > 0 ? `<details><summary>Card metadata</summary>${tableOf(metadataRows)}</details>` : ''}
<main>${card === null ? '<p>This version has no model card.</p>' : body}</main>
</body>
</html>
`
}

/** For the response that carries a card: nothing runs, and nothing but pictures is fetched. */
export const cardPolicy =
  "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const allowed: sanitizeHtml.IOptions = {
  allowedTags: [...sanitizeHtml.defaults.allowedTags, 'img', 'details', 'summary', 'del', 'h1', 'h2'],
  allowedAttributes: {
    a: ['href', 'title'],
    img: ['src', 'alt', 'title', 'width', 'height'],
    td: ['align'],
    th: ['align'],
    code: ['class'],
  },
  allowedSchemes: ['https', 'http', 'mailto'],
  allowedSchemesByTag: { img: ['https', 'data'] },
  allowProtocolRelative: false,
  transformTags: { a: sanitizeHtml.simpleTransform('a', { rel: 'noopener noreferrer nofollow' }) },
}

const tableOf = (rows: [string, string][]): string =>
  `<table>${rows.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`).join('')}</table>`

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #ddd;padding:.3rem .6rem;text-align:left;overflow-wrap:anywhere}
pre{background:#f6f6f6;padding:.8rem;overflow:auto}img{max-width:100%}`
