import { z } from 'zod'

/**
 * How a wrong value is told where its schema has no words of its own: in the form of those that have ("must be …"), since
 * a client shows both beside a field.
 */
z.config({ customError: wordsFor })

function wordsFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${kinds[issue.expected] ?? `a ${issue.expected}`}`
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return bound(issue.origin, 'at least', issue.minimum)
    case 'too_big':
      return bound(issue.origin, 'at most', issue.maximum)
    case 'invalid_format':
      return issue.format === 'datetime' ? 'must be an ISO 8601 time like 2026-01-01T12:00:00.000Z' : undefined
    default:
      return undefined
  }
}

const kinds: Record<string, string> = { int: 'a whole number', array: 'a list', object: 'an object', boolean: 'true or false' }
const units: Record<string, string> = { string: 'characters', array: 'entries' }

function bound(origin: string, side: string, limit: number | bigint): string {
  const unit = units[origin]
  return unit ? `must have ${side} ${limit} ${unit}` : `must be ${side} ${limit}`
}
