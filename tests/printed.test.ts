import { expect, test } from 'bun:test'
import { ApiClient } from './support/api'
import { controlledServer } from './support/controlled'
import { startOwnServer } from './support/own-server'
import { printedByServers } from './support/printed'
import { leaksIn, noteSecrets } from './support/secrets'
import { testServer } from './support/server'

/** What the end of each run rests on: that all servers' lines are searched, and that the search finds. */

test('the lines of every kind of server that tests start are searched, down to each request', async () => {
  const own = await startOwnServer({})
  const kinds = { shared: new ApiClient(await testServer()), controlled: (await controlledServer()).api(), own: own.api }
  for (const [kind, api] of Object.entries(kinds)) await api.get('/auth/session', { headers: { 'X-Request-Id': `searched-${kind}` } })
  await own.end('SIGTERM')
  const lines = printedByServers().toString()
  for (const kind of Object.keys(kinds)) expect(lines).toContain(`searched-${kind}`)
}, 90_000)

test('a secret is found plain, as JSON and as a URL write it, and at either end of what was printed', () => {
  const secret = `Grüße "${crypto.randomUUID()}"`
  noteSecrets({ anything: [{ deliveryAddress: secret }] })
  const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]
  for (const form of forms) {
    for (const text of [form, `first line\n{"x":"${form}"}\nlast line`, form.slice(0, 5) + form]) {
      expect(leaksIn(Buffer.from(text)).filter((leak) => leak.startsWith(form))).toHaveLength(1)
    }
    expect(leaksIn(Buffer.from(`${form.slice(0, -1)} ${form.slice(1)}`))).toEqual([])
  }
  expect(leaksIn(Buffer.from(''))).toEqual([])
})
