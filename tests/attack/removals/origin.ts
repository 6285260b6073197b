import type { Removal } from './removal'

const request = 'routes/middleware/request.ts'
const upgrade = 'realtime/upgrade.ts'
const origin = 'utils/origin.ts'

export const originRemovals: Removal[] = [
  {
    without: 'the Origin of writes with the cookie',
    file: 'routes/middleware/access.ts',
    text: 'if (!origin || !isOwnOrigin(origin, headers, c.env.config)) throw',
    by: 'if (false) throw',
    red: [
      'a page of another origin writes nothing with the cookie',
      'without an Origin the cookie writes nothing',
      'a forwarded Host that the client made up does not make its Origin ours',
      'a page of another origin ends no session and makes no ticket with the cookie',
    ],
  },
  {
    without: 'the comparison of whole Origins',
    file: origin,
    text: 'if (config.corsOrigins.includes(origin)) return true',
    by: 'if (config.corsOrigins.some((known) => origin.startsWith(known))) return true',
    red: [
      'a page of another origin writes nothing with the cookie',
      'a page of another origin opens no socket',
      'a page of another origin reads no answer',
    ],
  },
  {
    without: 'the foreignness of loopback in production',
    file: origin,
    text: 'if (!config.isProduction && isLoopback(url.hostname)) return true',
    by: 'if (isLoopback(url.hostname)) return true',
    red: ['a page of another origin writes nothing with the cookie', 'a preflight of another origin is told that nothing is allowed'],
  },
  {
    without: 'the own Host',
    file: origin,
    text: 'return candidates.some((own) => url.host === own.host',
    by: 'return candidates.some((own) => url.host === `not ${own.host}`',
    red: ['a page of ours, and of an origin that was allowed, writes with the cookie'],
  },
  {
    without: 'the Origins of CORS',
    file: request,
    text: 'isOwnOrigin(origin, c.req.raw.headers, config) ? origin : null',
    by: 'origin',
    red: ['a page of another origin reads no answer', 'a preflight of another origin is told that nothing is allowed'],
  },
  {
    without: 'the middleware of CORS, for one Origin that is written in',
    file: request,
    text: 'return (c, next) => (isAsked(c.req.raw) ? allow(c, next) : next())',
    by: "return (c, next) => (c.header('Access-Control-Allow-Origin', config.corsOrigins[0]), allow && isAsked && next())",
    red: ['an answer that differs by origin says so to caches'],
  },
  {
    without: 'Cache-Control',
    file: request,
    text: "if (c.req.path.startsWith('/api/')) c.header('Cache-Control', 'no-store')",
    by: '',
    red: ['no answer of the API is kept by a cache'],
  },
  {
    without: 'the policy of the console',
    file: 'routes/console.routes.ts',
    text: '"script-src \'self\'"',
    by: "\"script-src 'self' 'unsafe-inline'\"",
    red: ['no page runs a script that is not ours, or stands in a frame'],
  },
  {
    without: 'the headers of security',
    file: 'routes/index.ts',
    text: 'app.use(requestContext(config), securityHeaders(config), crossOrigin(config), judgeUrl)',
    by: 'app.use(requestContext(config), crossOrigin(config), judgeUrl)',
    red: [
      'an answer of the API is no page, whatever a browser makes of it',
      'a browser is told to come back by TLS alone, and to tell nobody where it was',
    ],
  },
  {
    without: 'constant pages',
    file: 'routes/console.routes.ts',
    text: '<noscript>This page needs JavaScript.</noscript>',
    by: '<noscript>This page needs JavaScript.</noscript>${title}',
    also: [
      {
        file: 'routes/console.routes.ts',
        text: 'return c.html(htmlOf(title, pages[page], config.ws.path))',
        by: 'return c.html(htmlOf(title + decodeURIComponent(c.req.path), pages[page], config.ws.path))',
      },
    ],
    red: ['a name that is markup stays text in the pages'],
  },
  {
    without: 'the Origin of upgrades',
    file: upgrade,
    text: 'const refusal = judgeForm(request) ?? judgeOrigin(upgrades, headers)',
    by: 'const refusal = judgeForm(request)',
    red: [
      'a page of another origin opens no socket',
      'a page of another origin opens no socket with the cookie of somebody signed in',
      'the cookie alone, without an Origin, opens no socket',
      'a forwarded Host that the client made up opens no socket',
    ],
  },
  {
    without: 'the Origin that a cookie needs',
    file: upgrade,
    text: "origin === null ? upgrades.hasCredential(headers) !== 'cookie'",
    by: 'origin === null ? true',
    red: ['the cookie alone, without an Origin, opens no socket'],
  },
  {
    without: 'the silence before authenticate',
    file: 'realtime/hub.ts',
    text: '    if (this.isDraining) connection.close(1012)\n  }\n',
    by: "    if (connection.upgradeSession) connection.sendMessage('general_notification', { message: 'You have 3 orders', sessionId: '', authenticated: false, heartbeatIntervalMs: 1 })\n  }\n",
    red: ['a socket of our page says nothing before it has authenticated, cookie or not'],
  },
  {
    without: 'the judgement of URLs of sockets',
    file: upgrade,
    text: "if (url.includes('?') && carriesCredential(new URL(url))) {",
    by: "if (url.includes('?nothing')) {",
    red: ['a credential in the URL of a socket is refused'],
  },
  {
    without: 'the answer to a dead token',
    file: upgrade,
    text: "if (via === 'bearer' && !session) return",
    by: 'if (false) return',
    red: ['a dead token opens no socket'],
  },
  {
    without: 'the choice of the subprotocol',
    file: upgrade,
    text: "if (offered !== null && !offered.split(',').some((name) => name.trim() === subprotocol)) {",
    by: 'if (offered === "nothing") {',
    red: ['a socket speaks no subprotocol but ours'],
  },
  {
    without: 'the refusal of compression',
    file: 'realtime/hub.ts',
    text: 'perMessageDeflate: false',
    by: 'perMessageDeflate: true',
    red: ['no socket agrees on compression, whose bombs are small'],
  },
]
