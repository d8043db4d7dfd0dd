import { z } from 'zod'
import { AppError } from './lib/errors.ts'

/** What differs per machine, from the environment; everything else is in `weir.yaml`. */
const environmentSchema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8484),
  HOST: z.string().min(1).default('127.0.0.1'),
  WEIR_CONFIG: z.string().min(1).default('weir.yaml'),
  WEIR_STATE_DIR: z.string().min(1).default('data/state'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
    .optional(),
  WEIR_ADMIN_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
  WEIR_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  WEIR_SHUTDOWN_GRACE_MS: z.coerce.number().int().nonnegative().default(30_000),
  HF_ENDPOINT: z.url().default('https://huggingface.co'),
  HF_TOKEN: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
})

export type Environment = Readonly<z.infer<typeof environmentSchema>>

/** The process environment, checked once. Throws `invalid_request` naming each bad variable. An empty variable counts as unset. */
export const readEnvironment = (variables: Readonly<Record<string, string | undefined>>): Environment => {
  const present = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  const parsed = environmentSchema.safeParse(present)
  if (parsed.success) return Object.freeze(parsed.data)
  throw new AppError('invalid_request', parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
}
