/** JSON text that Postgres takes: its text holds neither NUL nor half a surrogate pair, and both become U+FFFD as a decoder would make them. */
export const storableJson = (json: string): string =>
  json.includes('\\u') ? json.replaceAll(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (whole, body) => (body.length > 1 ? '\\ufffd' : whole)) : json
