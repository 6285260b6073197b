const saneRequestId = /^[A-Za-z0-9._:-]{1,128}$/

/** What a request is called in its answer and in the log: the caller's own `X-Request-Id` when it is sane. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get('x-request-id')
  return given !== null && saneRequestId.test(given) ? given : Bun.randomUUIDv7()
}
