import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ControlledServer } from '../support/controlled'
import { type Hostile, hostileMessages, type Known, lastWords } from '../support/hostile'
import { ModelRun, registerCast } from '../support/hub-model'
import { RawSocket } from '../support/raw-socket'

/**
 * Hostile frames on fifty sockets at once: the process lives, nobody beside them notices, and nothing is kept. By hand:
 * HUB_FUZZ_FRAMES=100000, and HUB_FUZZ_SEED=… to repeat.
 */

const frames = Number(process.env.HUB_FUZZ_FRAMES ?? 5_000)
const seed = Number(process.env.HUB_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const sockets = 50
/** Few enough that most of them are handled before the tenth invalid one ends the socket. */
const framesPerSocket = 20
/** What a process may grow by that has handled all this: its heap is never as tight again as at the start. */
const growthBytes = 96 * 1024 * 1024

/** Opens a socket and says it all; the last word only when the rest has been answered, or the socket is gone. */
async function attack(port: number, known: Known, { messages, lastWord }: Attack, isKnown: boolean): Promise<void> {
  const gone = Promise.withResolvers<void>()
  const waiting = new Map<string, () => void>()
  const socket = await RawSocket.open(port, {
    onText: (text) => waiting.get(JSON.parse(text).data.replyTo)?.(),
    onClose: () => gone.resolve(),
  })
  const ask = (message: { type: string; data?: object }) => {
    const id = crypto.randomUUID()
    const answered = new Promise<void>((resolve) => waiting.set(id, resolve))
    socket.send({ ...message, id })
    return Promise.race([answered, gone.promise])
  }
  if (isKnown) await ask({ type: 'authenticate', data: { userId: known.userId, token: known.token, storeId: known.storeId } })
  for (const message of messages) say(socket, message)
  await ask({ type: 'ping' })
  say(socket, lastWord)
  socket.close()
  // Something that was begun may have swallowed the goodbye.
  const timer = setTimeout(gone.resolve, 200)
  await gone.promise
  clearTimeout(timer)
  socket.cut()
}

type Attack = { messages: Hostile[]; lastWord: Hostile }

function say(socket: RawSocket, hostile: Hostile): void {
  if (hostile.kind === 'bytes') socket.sendBytes(hostile.bytes)
  else socket.sendFrame(hostile.opcode, hostile.payload, hostile.isFinal)
}

// Not the shared one, whose heart beats too fast for a client that shares its processor with an attack.
let server: ControlledServer
beforeAll(async () => {
  server = await ControlledServer.start({ DATA_DIR: 'memory://' })
}, 60_000)
afterAll(() => server.stop())

test(`${frames} hostile frames disturb nobody (seed ${seed})`, async () => {
  const cast = await registerCast(server)
  const run = await ModelRun.begin(cast)
  const [healthy, attacker] = [run.client(0), run.client(1)]
  await run.perform({ do: 'connect', who: 0, store: 0, filter: null, recall: 'memory', waits: true })
  const known = { userId: attacker.userId, token: attacker.token, storeId: run.store(0).id, foreignStoreId: run.store(1).id }
  await run.perform({ do: 'role', who: 0, store: 1, role: null })
  const chunks = Array.from({ length: Math.ceil(frames / framesPerSocket) }, (_, index) => index)
  const sample = (index: number): Attack => {
    const parameters = { numRuns: framesPerSocket - 1, seed: seed + index }
    const [lastWord] = fc.sample(lastWords, { numRuns: 1, seed: seed + index })
    if (!lastWord) throw new Error('nothing was generated')
    return { messages: fc.sample(hostileMessages(known), parameters), lastWord }
  }

  async function attackUntilNoneIsLeft(): Promise<void> {
    for (let index = chunks.pop(); index !== undefined; index = chunks.pop()) {
      await attack(server.port, known, sample(index), index % 3 !== 0)
      await run.perform({ do: 'write', store: 0, what: 'category', times: 1, waits: false })
    }
  }
  // What it needs once (compiled code, buffers) is not what it keeps.
  await Promise.all(Array.from({ length: sockets }, (_, index) => attack(server.port, known, sample(-index), index % 3 !== 0)))
  const before = await server.memory()
  const { pid } = server
  await Promise.all(Array.from({ length: sockets }, attackUntilNoneIsLeft))
  const after = await server.memory()

  expect(server.pid).toBe(pid)
  expect((await server.api().get('/health/live')).status).toBe(200)
  expect(healthy.closes).toEqual([])
  expect(await run.finish()).toEqual([])
  expect(after - before).toBeLessThan(growthBytes)
}, 1_800_000)
