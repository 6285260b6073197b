import { Crowd } from './crowd-process'
import { type Fault, repeatedly, seconds, slowAnswerMs } from './fault'

/** What goes wrong between clients and instances. */

export const halfOpen: Fault = {
  name: 'half-open',
  title: 'clients vanish without a word, and are found',
  seconds: [8, 20],
  allowance: { statuses: [] },
  async run(arena, scene) {
    const openSockets = async () => {
      const stats = await Promise.all(arena.places.map(({ api }) => api.get('/websocket/stats')))
      return stats.reduce((sum, { data }) => sum + data.totalConnections, 0)
    }
    const before = await openSockets()
    const { storeId = '' } = scene.stores[0] ?? {}
    const crowd = await Crowd.gather({ port: arena.nginx.port, storeId, count: 20, people: [arena.owner] })
    // Its sockets stay open, unread and silent, like those of a tablet that fell asleep.
    crowd.signal('SIGSTOP')
    const deadline = performance.now() + Math.max(scene.seconds, 15) * 1000
    while ((await openSockets()) > before && performance.now() < deadline) await Bun.sleep(200)
    const left = (await openSockets()) - before
    await crowd.end()
    if (left > 0) throw new Error(`${left} dead sockets are still counted`)
  },
}

export const reload: Fault = {
  name: 'nginx-reload',
  title: 'nginx reloads and cuts every socket',
  seconds: [8, 30],
  screensPerStore: 20,
  // A request on a connection that the old worker is just closing.
  allowance: { statuses: [0], delayMs: 8_000 },
  run: (arena, scene) => repeatedly(scene, 8, () => arena.nginx.signal('SIGHUP')),
}

export const storm: Fault = {
  name: 'storm',
  title: 'a crowd is cut by a reload of nginx, and comes back at once',
  seconds: [200, 2000],
  allowance: { statuses: [0], delayMs: 20_000, answerMs: slowAnswerMs },
  async run(arena, scene) {
    // Here the scene's length is a number of sockets. A user may have fifty, over all instances.
    const count = scene.seconds
    const { storeId = '' } = scene.stores[0] ?? {}
    const people = await arena.hire(storeId, Math.ceil(count / 40))
    const crowd = await Crowd.gather({ port: arena.nginx.port, storeId, count, people })
    await seconds(2)
    arena.nginx.signal('SIGHUP')
    await crowd.fallsTo(0, 10_000)
    await crowd.risesTo(count, 60_000)
    await seconds(2)
    await crowd.end()
    if (crowd.complaints.length > 0) throw new Error(crowd.complaints.slice(0, 5).join('; '))
  },
}
