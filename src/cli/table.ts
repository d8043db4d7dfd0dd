/** Rows as aligned columns under their headings. Cells are shown as text, null and undefined as a dash, control characters as `�`. */
export const table = (headings: readonly string[], rows: readonly (readonly unknown[])[]): string => {
  const cells = rows.map((row) => row.map((cell) => (cell === null || cell === undefined || cell === '' ? '–' : printable(String(cell)))))
  const widths = headings.map((heading, column) => Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(headings), ...cells.map(line)].join('\n')
}

/** Clients choose some of these texts, and a terminal obeys what it is sent: no control characters, and none that turn the direction or that nobody sees. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
