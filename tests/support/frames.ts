import { Ajv, type ValidateFunction } from 'ajv'
import { describeSocket } from '~/routes/asyncapi'
import { loadConfig } from '~/utils/config'
import { noteFault } from './faults'
import { noteSecrets } from './secrets'

/**
 * Holds every frame that a test sends or receives against the AsyncAPI document, in which no schema of the server allows
 * a field that it does not name.
 */

type Form = { id: string; types: string[]; validate: ValidateFunction }
type Direction = 'client' | 'server'
type Frame = { type?: unknown; [field: string]: unknown }

const forms: Record<Direction, Form[]> = { client: [], server: [] }

function compileForms(): void {
  const document = describeSocket(loadConfig({ NODE_ENV: 'test' }))
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema(document, 'asyncapi.json')
  for (const [id, message] of Object.entries(document.components.messages)) {
    const validate = ajv.compile({ $ref: `asyncapi.json#/components/messages/${id}/payload` })
    const direction = id.startsWith('client') ? 'client' : 'server'
    forms[direction].push({ id, types: typesOf(message), validate })
  }
}

/** The types of a message's frames. Every payload is an object whose `type` is one of its kind or of a few. */
export function typesOf(message: Record<string, unknown>): string[] {
  const { type } = (message as { payload: { properties: { type: { const?: string; enum?: string[] } } } }).payload.properties
  return type.enum ?? [type.const ?? '']
}

/** The messages of AsyncAPI that a frame is one of. */
export const formsOf = (direction: Direction, frame: Frame): string[] =>
  candidatesFor(direction, frame).flatMap(({ id, validate }) => (validate(frame) ? [id] : []))

/** What is wrong with a frame, beside the form that it is nearest to; undefined when it has one of the forms of its type. */
export function faultOf(direction: Direction, frame: Frame): string | undefined {
  const faults: string[][] = []
  for (const { id, validate } of candidatesFor(direction, frame)) {
    if (validate(frame)) return undefined
    faults.push((validate.errors ?? []).map((error) => `${id}${describe(error)}`))
  }
  const [nearest] = faults.sort((a, b) => a.length - b.length)
  return nearest?.join(', ') ?? `no message of a ${direction} has this type`
}

function candidatesFor(direction: Direction, frame: Frame): Form[] {
  if (forms.server.length === 0) compileForms()
  return forms[direction].filter(({ types }) => types.some((type) => type === frame.type))
}

const describe = ({ instancePath, message, params }: NonNullable<ValidateFunction['errors']>[number]) =>
  `${instancePath} ${message} ${JSON.stringify(params)}`

/** Notes a frame that is not as AsyncAPI says. */
export function noteFrame(direction: Direction, frame: Frame): void {
  noteSecrets(frame)
  const fault = faultOf(direction, frame)
  if (fault) noteFault(`A frame of the ${direction} is not as AsyncAPI says: ${fault}\n${JSON.stringify(frame)}`)
}
