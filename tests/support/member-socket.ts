import { type Frame, TestSocket } from './socket'
import type { TestUser, World } from './world'

export type MemberSocket = TestSocket & { answer: Frame }

/** A member's socket, authenticated for the world's store and live; `answer` is the data of the confirmation. */
export async function joinStore(world: Pick<World, 'storeId'>, user: Pick<TestUser, 'id' | 'token'>, data: object = {}): Promise<MemberSocket> {
  const socket = await TestSocket.open({ token: user.token })
  const answer = await socket.authenticate({ userId: user.id, storeId: world.storeId, ...data })
  return Object.assign(socket, { answer })
}

let notified = 0

/** Logs one event on the store's stream that every member but a kiosk sees; answers its message. */
export async function notify(world: World): Promise<string> {
  const message = `Notice ${++notified}`
  const { status } = await world.manager.api.post(`${world.path}/notifications`, { message, level: 'info' })
  if (status !== 201) throw new Error(`notification: ${status}`)
  return message
}

/** The seqs of a stream's events that a socket was sent, in order of arrival. */
export const seqsOf = (socket: TestSocket, stream: string): number[] => socket.events(stream).map((event) => event.seq)

/** What a refused message was answered with. */
export async function refusalOf(socket: TestSocket, message: Record<string, unknown>): Promise<string> {
  const id = crypto.randomUUID()
  socket.send({ ...message, id })
  const answer = await socket.next((frame) => frame.data?.replyTo === id)
  return answer.type === 'error' ? answer.data.code : answer.type
}
