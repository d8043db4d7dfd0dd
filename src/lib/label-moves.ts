/** A move of a label or alias in its history, oldest first. */
export type LabelMove = { kind: 'promote' | 'rollback'; toVersion: number; atMs: number }

/** The version below the promotion in force. A second rollback goes further back, not forth to what was just rolled back. */
export const rollbackTarget = (moves: readonly Pick<LabelMove, 'kind' | 'toVersion'>[]): number | undefined => {
  const standing: number[] = []
  for (const { kind, toVersion } of moves) {
    if (kind === 'rollback') standing.pop()
    else standing.push(toVersion)
  }
  return standing.at(-2)
}

/** The version a label stood at, at a moment: what was in production on Tuesday. Undefined before its first move. */
export const versionAt = (moves: readonly Pick<LabelMove, 'toVersion' | 'atMs'>[], atMs: number): number | undefined =>
  moves.findLast((move) => move.atMs <= atMs)?.toVersion
