/**
 * True when a request without a key cannot come from a web page of another site. A keyless server on loopback is one `fetch` away
 * from any page its user opens: DNS rebinding shows in a `Host` that is not this machine's name, other pages in `Origin` or
 * `Sec-Fetch-Site` (Fetch Metadata, W3C).
 */
export const isSameOrigin = (headers: Headers): boolean => {
  const host = headers.get('host')
  if (host === null || !/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host)) return false
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return false
  const origin = headers.get('origin')
  return origin === null || origin.toLowerCase() === `http://${host.toLowerCase()}`
}
