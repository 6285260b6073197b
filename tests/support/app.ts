import { createApp } from '~/routes'
import { rateLimit } from '~/routes/middleware/rate-limit'
import { loadConfig } from '~/utils/config'
import { testServer } from './server'

/** The app with settings of its own over the shared database; the peer's address is the caller's choice. */
export async function appWith(environment: Record<string, string>) {
  await testServer()
  const config = loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent', ...environment })
  const app = createApp(config)
  const limiter = rateLimit(0)
  return async (method: string, path: string, options: { body?: unknown; headers?: Record<string, string>; peer?: string } = {}) => {
    const request = new Request(`http://zipzap.test/api/v1${path}`, {
      method,
      headers: { Host: 'zipzap.test', 'Content-Type': 'application/json', ...options.headers },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
    const response = await app.fetch(request, { peerAddress: options.peer ?? '192.0.2.1', config, limiter })
    const body = await response.json()
    return { status: response.status, headers: response.headers, code: body.error?.code, body }
  }
}
