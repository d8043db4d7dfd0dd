/**
 * Installs exactly what `bun.lockb` names. One script because two environment variables decide whether an install works offline:
 * native add-ons must be compiled against the headers of the Node that is here, and no package may fetch binaries of its own.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const nodeHeaders = (): string | undefined => {
  const node = Bun.which('node')
  if (!node) return undefined
  const { stdout } = Bun.spawnSync([node, '-p', 'process.execPath'])
  const prefix = dirname(dirname(stdout.toString().trim()))
  return existsSync(join(prefix, 'include', 'node', 'node.h')) ? prefix : undefined
}

const headers = nodeHeaders()
const install = Bun.spawnSync([process.execPath, 'install', '--frozen-lockfile'], {
  cwd: join(import.meta.dir, '..'),
  stdout: 'inherit',
  stderr: 'inherit',
  env: {
    ...process.env,
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true',
    ...(headers ? { npm_config_nodedir: headers } : {}),
  },
})
if (!install.success) {
  console.error(
    '\nbun install failed. It needs Node 20 or later, python3 and a C++ compiler on the PATH (Debian: apt-get install build-essential python3).',
  )
}
process.exit(install.exitCode)
