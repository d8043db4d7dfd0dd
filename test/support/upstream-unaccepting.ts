import { dlopen, FFIType, ptr } from 'bun:ffi'
import { connect, type Socket } from 'node:net'

/** Whether this system can make one: the calls below are Linux's. */
export const canRefuseToAccept = process.platform === 'linux'

/**
 * A port that neither accepts nor refuses: it listens with a backlog of one, nobody accepts, and its queue is full, so the kernel
 * drops what comes next. No JavaScript server can be made to do this.
 */
export const startUnacceptingUpstream = async (): Promise<{ url: string; [Symbol.asyncDispose](): Promise<void> }> => {
  const int = FFIType.i32
  const { symbols: libc } = dlopen('libc.so.6', {
    socket: { args: [int, int, int], returns: int },
    bind: { args: [int, FFIType.ptr, int], returns: int },
    listen: { args: [int, int], returns: int },
    getsockname: { args: [int, FFIType.ptr, FFIType.ptr], returns: int },
    close: { args: [int], returns: int },
  })
  const descriptor = libc.socket(afInet, sockStream, 0)
  const address = new Uint8Array(16)
  address.set([afInet, 0, 0, 0, 127, 0, 0, 1])
  const size = new Int32Array([address.length])
  if (libc.bind(descriptor, ptr(address), address.length) !== 0 || libc.listen(descriptor, 0) !== 0) throw new Error('cannot listen')
  libc.getsockname(descriptor, ptr(address), ptr(size))
  const port = new DataView(address.buffer).getUint16(2)
  const fillers: Socket[] = []
  for (let count = 0; count < 4; count += 1) fillers.push(connect({ host: '127.0.0.1', port }).on('error', () => {}))
  await Bun.sleep(50)
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      libc.close(descriptor)
    },
  }
}

const afInet = 2
const sockStream = 1
