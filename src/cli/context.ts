/**
 * What a command may use. Commands speak the server's own HTTP API: to the running server when there is one, else to the same
 * application composed inside this process, which opens the state itself. So the CLI, `/admin` and tests share one code path.
 */
export type CliContext = {
  /** `path` such as `/admin/prompts`; authorised as admin. Throws AppError with the server's code and message on an error status. */
  request(path: string, init?: ApiRequest): Promise<Response>
  /** Standard output, one line. */
  print(line: string): void
  /** Standard error, for progress and notices, so that `--json` output stays clean. */
  note(line: string): void
  /** True when standard error is a terminal: only then draw progress bars. */
  interactive: boolean
  /** Recorded as the actor of admin events: `WEIR_ACTOR`, else the git user's email, else the operating system's user. Sent with every request. */
  actor: string
  /** Folder that relative paths start from. */
  folder: string
  environment: Readonly<Record<string, string | undefined>>
}

export type ApiRequest = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  json?: unknown
  body?: BodyInit
  headers?: { [name: string]: string }
  signal?: AbortSignal
}

/** Exit codes of every command. */
export const exitCodes = { ok: 0, usage: 1, gateFailed: 2, undecided: 3 } as const

/** Thrown by a command to end with a code that is not an error of usage; the message was already printed. */
export class CommandExit extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.exitCode = exitCode
  }
}
