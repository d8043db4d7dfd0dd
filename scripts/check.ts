/** The one gate: format and lint, types, tests. Runs every step even after a failure, so one run shows all there is to mend. */
const steps: [name: string, command: string[]][] = [
  ['format and lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['types', ['tsc', '--noEmit']],
  ['tests', ['--bun', 'vitest', 'run', '--pool=threads', ...process.argv.slice(2)]],
]

const failed = steps.filter(([name, command]) => {
  console.log(`\n── ${name}`)
  const run = Bun.spawnSync([process.execPath, ...(command[0] === '--bun' ? [] : ['x']), ...command], {
    stdout: 'inherit',
    stderr: 'inherit',
  })
  return !run.success
})
console.log(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.map(([name]) => name).join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
