/**
 * What a run has sent and been given that no log line may hold: passwords, tokens, tickets, keys, e-mail addresses, phone
 * numbers, and what customers are called and live at. Noted by the REST client and the sockets of the tests; at the end
 * of a run every server process's output is searched for all of it.
 */

const secretFields = new Set([
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'ticket',
  'trackingToken',
  'email',
  'phone',
  'deliveryAddress',
  'note',
  'lastName',
  'k',
])

const secrets = new Set<string>()

/** Shorter ones are words that any line may hold. */
const shortest = 9

/** Walks over a body or a frame, of whatever shape. */
export function noteSecrets(value: unknown): void {
  if (Array.isArray(value)) for (const part of value) noteSecrets(part)
  else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      if (typeof field === 'string' && secretFields.has(name) && field.length >= shortest) secrets.add(field)
      else noteSecrets(field)
    }
  }
}

/** The noted secrets that a text holds, with the line around the first of each. */
export function leaksIn(text: string): string[] {
  return [...secrets].flatMap((secret) => {
    const at = text.indexOf(secret)
    return at < 0 ? [] : [`${secret} in: ${text.slice(text.lastIndexOf('\n', at) + 1, at + secret.length + 40)}`]
  })
}

export const countSecrets = (): number => secrets.size
