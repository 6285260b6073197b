import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemEnvironment } from '../support/system'

/** Root file systems of one's own, in a mount namespace that nobody else sees and that ends with this process. Needs root. */

export type Running = ReturnType<typeof spawn>

/** Whom to run as, and with what; `isSealed` makes the whole root file system read-only. */
export type Conditions = { env: Record<string, string>; cwd: string; user: string; isSealed: boolean }

const spawn = (command: string[], cwd = '/') => Bun.spawn(command, { cwd, env: systemEnvironment(), stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })

export class Rooms {
  private constructor(
    private readonly directory: string,
    private readonly holder: Bun.Subprocess,
  ) {}

  /** A file system in memory, where no package waits for the disk. */
  static async open(): Promise<Rooms> {
    // As where images are made, whatever is usual here.
    process.umask(0o022)
    const directory = mkdtempSync(join(tmpdir(), 'zipzap-image-'))
    const mounted = `mount -t tmpfs -o mode=755,dev,suid zipzap-image ${directory} && echo mounted && exec sleep infinity`
    const holder = Bun.spawn(['unshare', '--mount', 'sh', '-c', mounted], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
    process.once('exit', () => holder.kill('SIGKILL'))
    const { value } = await holder.stdout.getReader().read()
    if (!value) throw new Error('no file system could be mounted: this needs root')
    return new Rooms(directory, holder)
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  /** A Debian with nothing but what every package may expect, less what `-slim` images leave out. */
  async debootstrap(name: string): Promise<void> {
    const root = this.path(name)
    const make = () => this.run(['debootstrap', '--variant=minbase', 'bookworm', root, 'http://deb.debian.org/debian'])
    // A hundred downloads, one of which may fail.
    await make().catch(() => this.run(['rm', '-rf', root]).then(make))
    const superfluous = ['var/cache/apt/archives', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale']
    await this.run(['rm', '-rf', ...superfluous.map((path) => join(root, path))])
  }

  copy(from: string, to: string): Promise<string> {
    return this.run(['cp', '--archive', '--no-target-directory', from, to])
  }

  /** Runs a program of this machine in the namespace; answers what it printed, throws when it fails. */
  async run(command: string[]): Promise<string> {
    return outcome(spawn(this.enter(command)), command)
  }

  /** Runs a program of the room in the room. */
  async runIn(name: string, command: string[], conditions: Conditions): Promise<string> {
    return outcome(this.start(name, command, conditions), command)
  }

  /** Starts a program of the room there; signals reach the program itself. */
  start(name: string, command: string[], { env, cwd, user, isSealed }: Conditions): Running {
    const root = this.path(name)
    const mounts = [
      `mount --bind ${root} ${root}`,
      ...(isSealed ? [`mount -o remount,bind,ro ${root}`] : []),
      `mount --rbind /dev ${root}/dev`,
      `mount --rbind /proc ${root}/proc`,
      // Docker lends a container the host's names as well.
      ...(isSealed ? [] : [`touch ${root}/etc/resolv.conf`, `mount --bind ${realpathSync('/etc/resolv.conf')} ${root}/etc/resolv.conf`]),
    ]
    const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
    // As `cap_drop: [ALL]` and `no-new-privileges` have it, once it is not root.
    const rights =
      user === 'root' ? [] : ['--clear-groups', `--regid=${user}`, `--reuid=${user}`, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']
    const inside = ['chroot', root, 'env', '-i', ...variables, ...(rights.length > 0 ? ['setpriv', ...rights] : []), 'env', '-C', cwd, ...command]
    return spawn(this.enter(['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'sh', ...inside]))
  }

  async close(): Promise<void> {
    this.holder.kill('SIGKILL')
    await this.holder.exited
    rmSync(this.directory, { recursive: true, force: true })
  }

  private enter(command: string[]): string[] {
    return ['nsenter', `--mount=/proc/${this.holder.pid}/ns/mnt`, '--', ...command]
  }
}

async function outcome(running: Running, command: string[]): Promise<string> {
  const [printed, complaints] = await Promise.all([new Response(running.stdout).text(), new Response(running.stderr).text()])
  if ((await running.exited) !== 0) throw new Error(`${command.join(' ')} ended with ${running.exitCode}: ${complaints || printed}`.slice(0, 4_000))
  return printed
}
