type LoggedError = { type: string; message: string; code?: string; constraint?: string; frames: string[]; cause?: LoggedError }

const maxCauses = 5

/**
 * An error as a log line holds it. Database drivers put the parameters of a statement (names, e-mails, hashes) into
 * messages, stacks and properties of their errors: nothing but the fields named here leaves.
 */
export function describeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error was thrown', frames: [] }
  const code = textOf(error, 'code')
  const constraint = textOf(error, 'constraint') ?? textOf(error, 'constraint_name')
  return {
    type: error.constructor.name,
    message: safeMessage(error, code),
    ...(code && { code }),
    ...(constraint && { constraint }),
    frames: framesOf(error),
    ...(error.cause !== undefined && depth < maxCauses && { cause: describeError(error.cause, depth + 1) }),
  }
}

function textOf(error: Error, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}

function safeMessage(error: Error, code: string | undefined): string {
  const query = textOf(error, 'query')
  // Drizzle's message is the statement and its parameters; the driver's own error is the cause.
  if (query !== undefined && error.cause !== undefined) return `Failed query: ${query}`
  // Class 22 (data exceptions) quotes the value that was wrong; other classes quote names of the schema.
  return code?.startsWith('22') ? error.message.replace(/"[^"]*"|'[^']*'/g, '"…"') : error.message
}

/** The calls alone: a stack begins with the message. */
const framesOf = (error: Error): string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
