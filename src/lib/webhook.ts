import { createHmac } from 'node:crypto'
import { pause } from './pause.ts'

export type Webhook = {
  url: string
  /** Sent as JSON. */
  body: unknown
  /** Signs the body: `x-weir-signature: t=<seconds>,v1=<hex>`, HMAC-SHA256 of `<seconds>.<body>`, so that an old one cannot be sent again. */
  secret?: string | null | undefined
  /** How errors call it. */
  what: string
  signal: AbortSignal
}

/** Posts to somebody's webhook. Tries three times; throws what the last one threw. Redirects are not followed: they lead elsewhere. */
export const postWebhook = async ({ url, body, secret, what, signal }: Webhook): Promise<void> => {
  const text = JSON.stringify(body)
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(secret ? { 'x-weir-signature': signed(text, secret, Date.now()) } : {}) },
        body: text,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
      })
      await response.body?.cancel()
      if (response.ok) return
      throw new Error(`${what} answered ${response.status}`)
    } catch (error) {
      if (attempt === 3 || signal.aborted) throw error
      await pause(attempt * 1000, signal)
    }
  }
}

export const signed = (body: string, secret: string, nowMs: number): string => {
  const seconds = Math.floor(nowMs / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}
