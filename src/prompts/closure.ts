import { hashOf, sha256 } from '../lib/hash.ts'
import type { PromptFile } from './file.ts'
import { type Problem, PromptFileError } from './problem.ts'
import { parseTemplate, partialCalls, positionOf, type Template } from './template.ts'

/** Source of a partial: a body alone, whole as it stands in its file. */
export type PartialSource = { name: string; path: string; text: string }
export type FindPartial = (name: string) => PartialSource | undefined

/** Every partial a prompt reaches, by name. */
export type Pins = Map<string, PartialSource & { template: Template }>

/** Collects the partials that a template reaches. Throws PromptFileError for unknown and circular ones, at the place of the call. */
export const pinPartials = (template: Template, find: FindPartial): Pins => {
  const pins: Pins = new Map()
  const problems: Problem[] = []
  const visit = (from: Template, trail: readonly string[]): void => {
    for (const [name, call] of partialCalls(from)) {
      const place = positionOf(from, call)
      if (trail.includes(name)) {
        const circle = [...trail.slice(trail.indexOf(name)), name].join(' → ')
        problems.push({ ...place, rule: 'circular-partial', message: `partials call each other in a circle: ${circle}` })
        continue
      }
      const partial = find(name)
      if (partial === undefined) {
        problems.push({ ...place, rule: 'unknown-partial', message: `there is no partial "${name}" (${partialPath(name)})` })
        continue
      }
      const known = pins.get(name)
      const pin = known ?? { ...partial, template: parseTemplate(partial.path, partial.text) }
      pins.set(name, pin)
      // Seen before on another branch: its own calls were visited then, and a circle through it was found then.
      if (known === undefined) visit(pin.template, [...trail, name])
    }
  }
  visit(template, [])
  if (problems.length > 0) throw new PromptFileError(problems)
  return pins
}

/** `support/tone` → `support/_tone.prompt` */
export const partialPath = (name: string): string => `${name.replace(/([^/]*)$/, '_$1')}.prompt`

/**
 * The identity of a version: what the front matter says (not how it is laid out), the body to the letter, and every partial it reaches.
 * Lower-case hex sha256.
 */
export const closureHash = (file: Pick<PromptFile, 'frontMatter' | 'body'>, pins: ReadonlyMap<string, { text: string }>): string =>
  hashOf({
    format: 1,
    front_matter: file.frontMatter,
    body: file.body,
    partials: Object.fromEntries([...pins].map(([name, { text }]) => [name, sha256(text)])),
  })
