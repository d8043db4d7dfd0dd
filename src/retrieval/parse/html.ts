import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import TurndownService from 'turndown'
import type { ParsedText } from '../chunk/chunk.ts'
import { tidyText } from './decode.ts'

/** The article of a page, without its navigation, as markdown; the whole body when there is no article to be found. */
export const htmlText = (html: string): ParsedText => {
  const { document } = parseHTML(html)
  const title = document.querySelector('title')?.textContent?.trim() || document.querySelector('h1')?.textContent?.trim() || null
  for (const unwanted of document.querySelectorAll('script, style, noscript, template, iframe, svg')) unwanted.remove()
  const whole = document.body?.innerHTML ?? html
  const article = new Readability(document).parse()
  const found =
    article?.content !== undefined && article.content !== null && (article.textContent ?? '').trim() !== '' ? article.content : whole
  return { title: article?.title?.trim() || title, text: markdownOf(found), markdown: true, pageStarts: [] }
}

/** HTML as markdown: headings and lists stay, images and link targets go, since a model must neither follow nor render them. */
export const markdownOf = (html: string): string =>
  tidyText(turndown.turndown(parseHTML(`<html><body>${html}</body></html>`).document.body as never))

const turndown = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
turndown.addRule('images', { filter: 'img', replacement: (_content, node) => (node as unknown as { alt?: string }).alt ?? '' })
turndown.addRule('links', { filter: 'a', replacement: (content) => content })
