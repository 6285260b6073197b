import { afterAll, expect, test } from 'bun:test'
import { startTracing, stopTracing, traced } from '~/utils/tracing'
import { ApiClient } from './support/api'
import { startOwnServer } from './support/own-server'

/** Spans as a collector gets them: an OTLP/HTTP receiver of this test's own. */

type Attribute = { key: string; value: { stringValue?: string; intValue?: number } }
type Span = { name: string; traceId: string; spanId: string; parentSpanId?: string; attributes: Attribute[]; status?: { code?: number } }

/** Takes what is posted to /v1/traces, as JSON. */
function startReceiver() {
  const spans: Span[] = []
  let text = ''
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (new URL(request.url).pathname !== '/v1/traces') return new Response(null, { status: 404 })
      const body = await request.text()
      text += body
      for (const resource of JSON.parse(body).resourceSpans) for (const scope of resource.scopeSpans) spans.push(...scope.spans)
      return Response.json({})
    },
  })
  return { spans, url: `http://127.0.0.1:${server.port}`, text: () => text, stop: () => server.stop(true) }
}

const receiver = startReceiver()
afterAll(() => receiver.stop())

const attributesOf = (span: Span | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]))

test('without an endpoint work is just called', async () => {
  await startTracing({ otlpEndpoint: undefined }, '0')
  expect(traced('nothing', () => 7)).toBe(7)
  expect(await traced('nothing', async () => 8)).toBe(8)
})

test('a span ends with its work, is the child of the one around it, and tells of a throw', async () => {
  await startTracing({ otlpEndpoint: `${receiver.url}/` }, '1.2.3')
  const answer = await traced('outer', async (note) => {
    note({ told: 'outer' })
    await traced('inner', async () => Bun.sleep(1))
    return 'done'
  })
  expect(answer).toBe('done')
  expect(() =>
    traced('broken', () => {
      throw new RangeError('on purpose')
    }),
  ).toThrow('on purpose')
  await expect(traced('late', async () => Promise.reject(new RangeError('later')))).rejects.toThrow('later')
  await stopTracing()
  const named = (name: string) => receiver.spans.find((span) => span.name === name)
  expect(named('inner')?.parentSpanId).toBe(named('outer')?.spanId ?? '')
  expect(named('inner')?.traceId).toBe(named('outer')?.traceId ?? '')
  expect(attributesOf(named('outer'))).toEqual({ told: 'outer' })
  expect([named('broken')?.status?.code, named('late')?.status?.code, named('outer')?.status?.code ?? 0]).toEqual([2, 2, 0])
  expect(receiver.text()).not.toContain('on purpose')
})

test('of a write a collector gets request, transaction, append and publish in one trace, and no word of what was written', async () => {
  const server = await startOwnServer({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  const account = { email: `olga-${crypto.randomUUID()}@zipzap.test`, password: 'correct horse battery', firstName: 'Olga' }
  const { data } = await server.api.post('/auth/register', account)
  const api = new ApiClient(server.api.server, data.token)
  const store = await api.post('/stores', { name: 'Corner' })
  const headers = { 'X-Request-Id': 'traced-1' }
  await api.post(`/stores/${store.data.id}/customers`, { firstName: 'Clandestina', phone: '+49 171 5550199' }, { headers })
  await server.end('SIGTERM')
  const request = receiver.spans.find((span) => attributesOf(span)['zipzap.request_id'] === 'traced-1')
  const route = '/api/v1/stores/:storeId/customers'
  expect(attributesOf(request)).toMatchObject({ 'http.request.method': 'POST', 'http.route': route, 'http.response.status_code': 201 })
  const trace = receiver.spans.filter((span) => span.traceId === request?.traceId)
  const parentOf = (name: string) => {
    const parent = trace.find((span) => span.name === name)?.parentSpanId
    return trace.find((span) => span.spanId === parent)?.name
  }
  expect(trace.map((span) => span.name).sort()).toEqual(['append', 'publish', 'request', 'transaction'])
  expect([parentOf('transaction'), parentOf('append'), parentOf('publish'), parentOf('request')]).toEqual([
    'request',
    'transaction',
    'request',
    undefined,
  ])
  for (const secret of [account.email, account.password, data.token, 'Clandestina', '5550199']) expect(receiver.text()).not.toContain(secret)
}, 60_000)
