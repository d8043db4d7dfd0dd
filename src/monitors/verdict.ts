import type { Tag } from './signal.ts'

/** Whether the pinned questions are answered as they were; `unknown` when they are not asked. */
export type GoldenState = 'stable' | 'moved' | 'unknown'

export type Verdict = {
  kind: 'steady' | 'users_changed' | 'we_changed' | 'both_changed' | 'answers_changed' | 'slower_or_dearer' | 'no_reference' | 'no_window'
  text: string
}

/** Who changed: the users, we or a provider, or only what people make of the answers. Told from the signals that drift and the golden set. */
export const verdictOf = (drifting: ReadonlySet<Tag>, golden: GoldenState): Verdict => {
  const data = drifting.has('data')
  const unasked = golden === 'unknown' ? ' No replay of a golden set says yet whether we or the provider changed too.' : ''
  if (golden === 'moved') {
    return data
      ? {
          kind: 'both_changed',
          text: 'Users ask otherwise than before, and the same questions get other answers: we or the provider changed too.',
        }
      : { kind: 'we_changed', text: 'The same questions get other answers than before: we or the provider changed, not the users.' }
  }
  if (data) {
    const sure = golden === 'stable' ? ' The golden set is answered as before: the users changed, not we.' : unasked
    return { kind: 'users_changed', text: `Users ask otherwise than the reference (data drift).${sure}` }
  }
  if (drifting.has('quality')) {
    const sure =
      golden === 'stable' ? ' The golden set is answered as before: what people want of the answers changed (concept drift).' : unasked
    return { kind: 'answers_changed', text: `Users ask as before, and answers or what people say of them changed (concept drift).${sure}` }
  }
  if (drifting.has('performance'))
    return { kind: 'slower_or_dearer', text: 'What is asked and answered is as before; times, costs or failures changed.' }
  return { kind: 'steady', text: 'Nothing drifts.' }
}
