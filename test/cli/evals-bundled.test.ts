import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** What a fresh checkout can do first, without a server: the bundled suite over the bundled models and documentation. */
test('weir eval run assistant passes on a state of its own, with no server', async () => {
  const root = resolve(import.meta.dirname, '../..')
  const folder = mkdtempSync(join(tmpdir(), 'weir-bundled-'))
  try {
    const child = Bun.spawn([process.execPath, join(root, 'src/main.ts'), 'eval', 'run', 'assistant', '--json'], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: '', WEIR_URL: '', WEIR_ADMIN_KEY: '', WEIR_STATE_DIR: folder },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, notes, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
    expect({ code, notes: code === 0 ? '' : notes }).toEqual({ code: 0, notes: '' })
    const report = JSON.parse(out) as { gate: string; summary: { passed: number; errors: number } }
    expect(report.gate).toBe('ok')
    expect(report.summary.errors).toBe(0)
    expect(report.summary.passed).toBeGreaterThanOrEqual(6)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
