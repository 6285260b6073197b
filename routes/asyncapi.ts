import { z } from 'zod'
import packageJson from '~/package.json'
import { channelText, clientExamples, clientTexts, overview, serverTexts } from '~/routes/asyncapi-text'
import { sessionCookieName } from '~/routes/openapi'
import type { Config } from '~/utils/config'
import { clientFrames, hubFrames, type ServerFrameName, serverFrames } from '~/utils/contracts/frames'
import type { ClientMessageType } from '~/utils/contracts/messages'
import { closeCodes, wsErrors } from '~/utils/contracts/ws-codes'

/** The AsyncAPI 3.0 document: every message in both directions, drawn from the schemas that the code itself uses. */

type Json = Record<string, unknown>
type Reference = { $ref: string }

const subprotocol = 'zipzap.v1'
const clientTypes = keysOf(clientFrames)
const serverNames = keysOf(serverFrames)

/** What the server may answer a message of a client with, beside `error`. */
const answers: Record<ClientMessageType, ServerFrameName[]> = {
  authenticate: ['authenticated'],
  subscribe: ['subscribed', 'order_tracked'],
  unsubscribe: ['unsubscribed'],
  ack: ['ack'],
  custom_action: ['ack'],
  ping: ['pong'],
  pong: [],
}

export function describeSocket(config: Config) {
  const schemas: Json = {}
  const messages: Record<string, Json> = {}
  for (const type of clientTypes) messages[clientMessage(type)] = describeClientMessage(type, schemas)
  for (const name of serverNames) messages[serverMessage(name)] = describeServerMessage(name, schemas)
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'ZipZap WebSocket',
      version: packageJson.version,
      description: overview,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    },
    defaultContentType: 'application/json',
    servers: describeServers(config),
    channels: {
      socket: {
        address: config.ws.path,
        title: 'The WebSocket',
        description: channelText(config),
        messages: Object.fromEntries(Object.keys(messages).map((id) => [id, { $ref: `#/components/messages/${id}` }])),
        bindings: { ws: upgradeBinding },
        'x-subprotocol': subprotocol,
        'x-close-codes': closeCodes,
        'x-error-codes': wsErrors,
      },
    },
    operations: describeOperations(),
    components: { messages, schemas, securitySchemes: describeSecurity(config), correlationIds },
  }
  return relocated(document)
}

export type AsyncApiDocument = ReturnType<typeof describeSocket>

// Messages

const tags = {
  client: 'Sent by clients',
  logged: 'Sent by the server and kept in the log: with stream, epoch and seq',
  unlogged: 'Sent by the server to whoever is there',
}

const correlationIds = {
  request: { description: 'Chosen by the client', location: '$message.payload#/id' },
  answer: { description: 'The `id` of the message that is answered', location: '$message.payload#/data/replyTo' },
}

const clientMessage = (type: ClientMessageType) => `client${pascalCase(type)}`
const serverMessage = (name: ServerFrameName) => `server${pascalCase(name)}`

function describeClientMessage(type: ClientMessageType, schemas: Json): Json {
  return {
    name: type,
    ...clientTexts[type],
    tags: [{ name: 'client' }],
    correlationId: { $ref: '#/components/correlationIds/request' },
    payload: jsonSchema(clientFrames[type], 'input', schemas),
    examples: [{ payload: clientExamples[type] }],
  }
}

function describeServerMessage(name: ServerFrameName, schemas: Json): Json {
  const { type } = serverFrames[name].shape
  return {
    name: type instanceof z.ZodLiteral ? type.value : name,
    ...serverTexts[name],
    tags: [{ name: name in hubFrames ? 'unlogged' : 'logged' }],
    ...(isAnswer(name) && { correlationId: { $ref: '#/components/correlationIds/answer' } }),
    payload: jsonSchema(serverFrames[name], 'output', schemas),
  }
}

const isAnswer = (name: ServerFrameName) => name === 'error' || Object.values(answers).some((names) => names.includes(name))

/** The schema as JSON Schema draft 7; what it shares with others is put into `schemas` by name. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const { $schema, definitions, ...payload } = z.toJSONSchema(schema, { target: 'draft-7', io })
  for (const [name, definition] of Object.entries(definitions ?? {})) {
    if (name in schemas && !Bun.deepEquals(schemas[name], definition)) throw new Error(`Two schemas are called ${name}`)
    schemas[name] = definition
  }
  return payload
}

/** A copy whose references lead to where the shared schemas are. */
const relocated = <T>(document: T): T => JSON.parse(JSON.stringify(document).replaceAll('"#/definitions/', '"#/components/schemas/')) as T

// Operations

type Operation = { action: 'send' | 'receive'; summary: string; channel: Reference; messages: Reference[]; reply?: Json }

const channel = { $ref: '#/channels/socket' }
const inChannel = (id: string): Reference => ({ $ref: `#/channels/socket/messages/${id}` })

/** As AsyncAPI counts: what this server receives, and what it sends. */
function describeOperations(): Record<string, Operation> {
  const operations: Record<string, Operation> = {}
  for (const type of clientTypes) {
    const replies = answers[type].map((name) => inChannel(serverMessage(name)))
    operations[`receive${pascalCase(type)}`] = {
      action: 'receive',
      summary: clientTexts[type].summary,
      channel,
      messages: [inChannel(clientMessage(type))],
      reply: { channel, messages: [...replies, inChannel(serverMessage('error'))] },
    }
  }
  for (const name of serverNames) {
    const messages = [inChannel(serverMessage(name))]
    operations[`send${pascalCase(name)}`] = { action: 'send', summary: serverTexts[name].summary, channel, messages }
  }
  return operations
}

// Servers

function describeServers(config: Config): Json {
  const security = Object.keys(describeSecurity(config)).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }))
  const ports = [config.port || 8000, ...(config.ws.port === undefined ? [] : [config.ws.port])].map(String)
  return {
    secure: {
      host: '{host}',
      protocol: 'wss',
      description: 'Behind the TLS of a proxy',
      variables: { host: { default: 'localhost', description: 'Where this document came from' } },
      security,
    },
    plain: {
      host: 'localhost:{port}',
      protocol: 'ws',
      description: 'This process without TLS',
      variables: { port: { default: ports[0], enum: ports, description: '`PORT`, or `WS_PORT` when it is set' } },
      security,
    },
  }
}

function describeSecurity(config: Config) {
  return {
    bearer: { type: 'http', scheme: 'bearer', description: 'A session token in `Authorization` of the upgrade; a wrong one answers 401' },
    cookie: {
      type: 'httpApiKey',
      in: 'cookie',
      name: sessionCookieName(config),
      description: 'Set by sign-in; needs an `Origin` that is this host or in CORS_ORIGINS, else 403. A dead one opens an anonymous socket',
    },
    message: {
      type: 'apiKey',
      in: 'password',
      description: '`data.token` of `authenticate`: a session token. `data.ticket`: a single-use ticket of POST /api/v1/websocket/tickets, for 30 s',
    },
  }
}

const headerText = (description: string) => ({ type: 'string', description })

const upgradeBinding = {
  method: 'GET',
  headers: {
    type: 'object',
    properties: {
      'Sec-WebSocket-Protocol': { ...headerText('Chosen when offered; an offer of others only answers 400'), enum: [subprotocol] },
      Authorization: headerText('`Bearer <token>`'),
      Cookie: headerText('The session cookie'),
      Origin: headerText('Foreign ones are refused with 403'),
    },
  },
  bindingVersion: '0.1.0',
}

// Names

const pascalCase = (name: string) =>
  name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

/** The keys of a table that was written out in one place, so that it has no others than its type names. */
function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[]
}
