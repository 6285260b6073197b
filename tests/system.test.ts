import { afterEach, describe, expect, test } from 'bun:test'
import packageJson from '~/package.json'
import { setDraining } from '~/utils/lifecycle'
import { anonymous } from './support/api'

afterEach(() => setDraining(false))

const idLike = /[0-9a-f]{8}-[0-9a-f]{4}-7/

describe('what balancers and monitors ask, without a session', () => {
  test('statistics are counts with the promised message', async () => {
    const answer = await (await anonymous()).get('/websocket/stats')
    expect(answer.status).toBe(200)
    expect(answer.body.success).toBe(true)
    expect(answer.body.message).toBe('WebSocket statistics retrieved successfully')
    expect(answer.data.totalConnections).toBeInteger()
    expect(answer.data.activeConnections).toBeInteger()
    expect(JSON.stringify(answer.data)).not.toMatch(idLike)
  })

  test('the hub is healthy, with its two counts and nothing else', async () => {
    const answer = await (await anonymous()).get('/websocket/health')
    expect(answer.status).toBe(200)
    expect(answer.body.message).toBe('WebSocket server is healthy')
    expect(Object.keys(answer.data).sort()).toEqual(['activeConnections', 'healthy', 'totalConnections'])
    expect(answer.data.healthy).toBe(true)
  })

  test('/health names version, uptime and each part', async () => {
    const answer = await (await anonymous()).get('/health')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.data).toEqual({
      status: 'ok',
      version: packageJson.version,
      uptimeSeconds: expect.any(Number),
      parts: { database: { status: 'ok' }, relay: { status: 'ok' }, hub: { status: 'ok' } },
    })
  })

  test('/health/live and /health/ready answer 200', async () => {
    const api = await anonymous()
    expect((await api.get('/health/live')).data).toEqual({ status: 'ok' })
    const ready = await api.get('/health/ready')
    expect(ready.status).toBe(200)
    expect(ready.data).toEqual({ status: 'ready' })
  })

  test('a wrong method is 405 and says what would do', async () => {
    const answer = await (await anonymous()).post('/health/ready', {})
    expect(answer.status).toBe(405)
    expect(answer.code).toBe('method_not_allowed')
    expect(answer.headers.get('allow')).toBe('GET, HEAD')
  })
})

describe('while the process drains', () => {
  test('it is not ready, yet alive, and the failing answers keep their data', async () => {
    const api = await anonymous()
    setDraining(true)
    const ready = await api.get('/health/ready')
    expect(ready.status).toBe(503)
    expect(ready.headers.get('retry-after')).toBeTruthy()
    expect(ready.body).toEqual({
      success: false,
      data: { status: 'draining' },
      message: 'Not ready',
      error: { code: 'unavailable', requestId: ready.headers.get('x-request-id') },
    })
    const hub = await api.get('/websocket/health')
    expect(hub.status).toBe(503)
    expect(hub.data).toEqual({ healthy: false, totalConnections: expect.any(Number), activeConnections: expect.any(Number) })
    expect((await api.get('/health/live')).status).toBe(200)
  })

  test('/health is degraded: requests are still served', async () => {
    const api = await anonymous()
    setDraining(true)
    const answer = await api.get('/health')
    expect(answer.status).toBe(200)
    expect(answer.data.status).toBe('degraded')
    expect(answer.data.parts.hub).toEqual({ status: 'draining' })
  })
})
