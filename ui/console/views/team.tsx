import { useEffect, useState } from 'react'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { deviceLink } from '~/ui/console/model/session'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { useOnce } from '~/ui/console/model/writes'
import { CopyButton } from '~/ui/console/parts/copy-button'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, SelectField, TextField, useSubmission } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import type { Role } from '~/utils/contracts/common'
import type { ChangeMember, CreateDevice, NewDevice, StoreMember } from '~/utils/contracts/member'
import type { PresentUser } from '~/utils/contracts/presence'

type MemberRole = ChangeMember['role']

const memberRoles: readonly MemberRole[] = ['owner', 'manager', 'staff', 'kitchen']
const roleNames: Record<Role, string> = { owner: 'Owner', manager: 'Manager', staff: 'Staff', kitchen: 'Kitchen', kiosk: 'Kiosk' }

/** Whom each role may make a member, and change. */
const grants: Record<Role, readonly MemberRole[]> = {
  owner: memberRoles,
  manager: ['staff', 'kitchen'],
  staff: [],
  kitchen: [],
  kiosk: [],
}

export function TeamView() {
  const scope = useStoreScope()
  const { members, present, problem } = useCrew()
  const [adding, setAdding] = useState<'member' | 'device'>()
  const people = members.filter((member) => member.kind === 'person')
  const devices = members.filter((member) => member.kind === 'device')
  const online = new Map(present.map((user) => [user.userId, user.sessions]))
  const canAdd = isManager(scope.role)
  return (
    <div className="view">
      <header className="view-head">
        <h1>Team</h1>
        <span className="soft">{present.length} online</span>
        {canAdd && (
          <span className="head-actions">
            <button type="button" className="button" onClick={() => setAdding('device')}>
              <Icon name="plus" /> Device
            </button>
            <button type="button" className="button primary" onClick={() => setAdding('member')}>
              <Icon name="plus" /> Member
            </button>
          </span>
        )}
      </header>
      {problem && <p role="alert">{problem}</p>}
      <CrewList title="People" members={people} online={online} />
      <CrewList title="Devices" members={devices} online={online} />
      {adding === 'member' && <MemberDialog onClose={() => setAdding(undefined)} />}
      {adding === 'device' && <DeviceDialog onClose={() => setAdding(undefined)} />}
    </div>
  )
}

/** Members and who is online, read again whenever an event tells of either. */
function useCrew() {
  const { storeId, data } = useStoreScope()
  const [members, setMembers] = useState<StoreMember[]>([])
  const [present, setPresent] = useState<PresentUser[]>([])
  const [problem, setProblem] = useState('')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision says when to read again
  useEffect(() => {
    let isCurrent = true
    const params = { storeId }
    Promise.all([rest.readAll('GET /stores/{storeId}/members', { params }), rest.call('GET /stores/{storeId}/presence', { params })]).then(
      ([{ rows: crew }, { data: users }]) => {
        if (!isCurrent) return
        setMembers(crew)
        setPresent(users)
        setProblem('')
      },
      (error: unknown) => isCurrent && setProblem(messageOf(error)),
    )
    return () => {
      isCurrent = false
    }
  }, [storeId, data.crewRevision])
  return { members, present, problem }
}

function CrewList({ title, members, online }: { title: string; members: StoreMember[]; online: ReadonlyMap<string, number> }) {
  return (
    <section className="sheet" aria-label={title}>
      <header className="sheet-head">
        <h2>{title}</h2>
        <span className="soft number">{members.length}</span>
      </header>
      <ul className="rows">
        {members.map((member) => (
          <CrewRow key={member.userId} member={member} sessions={online.get(member.userId) ?? 0} />
        ))}
      </ul>
      {members.length === 0 && <p className="empty">None</p>}
    </section>
  )
}

function CrewRow({ member, sessions }: { member: StoreMember; sessions: number }) {
  const scope = useStoreScope()
  const isMe = member.userId === scope.user.id
  const isDevice = member.kind === 'device'
  const granted = grants[scope.role]
  const canChange = !isDevice && scope.role === 'owner'
  const canRemove = isDevice ? isManager(scope.role) : isMe || granted.some((role) => role === member.role)
  const params = { storeId: scope.storeId, userId: member.userId }

  async function changeRole(role: MemberRole) {
    try {
      await rest.call('PATCH /stores/{storeId}/members/{userId}', { params, body: { role } })
      scope.state.crewChanged()
    } catch (error) {
      notify('error', `${member.name} was not changed: ${messageOf(error)}`)
    }
  }

  return (
    <li className="row">
      <span className={`presence ${sessions > 0 ? 'online' : ''}`} title={sessions > 0 ? `Online (${sessions})` : 'Offline'}>
        <span className="visually-hidden">{sessions > 0 ? 'Online' : 'Offline'}</span>
      </span>
      <span className="row-main">
        <span className="row-title">
          {member.name} {isMe && <span className="soft">(you)</span>}
        </span>
        <span className="soft row-sub">{member.email}</span>
      </span>
      {canChange ? (
        <select
          aria-label={`Role of ${member.name}`}
          value={member.role}
          onChange={(event) => {
            const role = memberRoles.find((each) => each === event.currentTarget.value)
            if (role) void changeRole(role)
          }}
        >
          {granted.map((role) => (
            <option key={role} value={role}>
              {roleNames[role]}
            </option>
          ))}
        </select>
      ) : (
        <span className="chip">{roleNames[member.role]}</span>
      )}
      {canRemove && (
        <DeleteButton
          isSmall
          label={isMe ? 'Leave' : 'Remove'}
          name={isMe ? 'this store' : member.name}
          explanation={isDevice ? 'Its token ends at once.' : isMe ? 'You lose this store at once.' : 'The store is closed to them at once.'}
          onDelete={async () => {
            if (isDevice) await rest.call('DELETE /stores/{storeId}/devices/{userId}', { params })
            else await rest.call('DELETE /stores/{storeId}/members/{userId}', { params })
            scope.state.crewChanged()
          }}
        />
      )}
    </li>
  )
}

function MemberDialog({ onClose }: { onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  return (
    <Dialog title="Add a member" onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={async (fields) => {
          const body = { email: fields.text('email'), role: fields.oneOf('role', memberRoles) }
          await rest.call('POST /stores/{storeId}/members', { params: { storeId: scope.storeId }, body, headers: once(body) })
          scope.state.crewChanged()
        }}
      >
        <TextField
          label="E-mail"
          name="email"
          type="email"
          required
          hint="Of somebody who has an account"
          error={submission.errorOf('email')}
          autoComplete="off"
        />
        <SelectField label="Role" name="role" defaultValue="staff" options={grants[scope.role].map((role) => [role, roleNames[role]] as const)} />
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Add
          </button>
        </div>
      </Form>
    </Dialog>
  )
}

const deviceRoles = [
  ['staff', 'Till (staff)'],
  ['kitchen', 'Wall screen (kitchen)'],
  ['kiosk', 'Guests order themselves (kiosk)'],
] as const

function DeviceDialog({ onClose }: { onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  const [made, setMade] = useState<NewDevice>()
  if (made) {
    return (
      <Dialog title={`${made.device.name} is ready`} onClose={onClose}>
        {made.token ? (
          <>
            <p>Open this link once on the device: it signs itself in and stays so until you remove it. It is shown only now.</p>
            <p className="token">
              <code>{deviceLink(made.token)}</code>
            </p>
            <div className="form-actions">
              <CopyButton text={deviceLink(made.token)} label="Copy link" />
              <CopyButton text={made.token} label="Copy token" />
            </div>
          </>
        ) : (
          <p>Its token was told before and cannot be told again. Remove the device and make a new one.</p>
        )}
      </Dialog>
    )
  }
  return (
    <Dialog title="Add a device" onClose={onClose}>
      <Form
        submission={submission}
        onSubmit={async (fields) => {
          const roles = deviceRoles.map(([role]) => role)
          const body: CreateDevice = { name: fields.text('name'), role: fields.oneOf('role', roles) }
          const { data } = await rest.call('POST /stores/{storeId}/devices', { params: { storeId: scope.storeId }, body, headers: once(body) })
          setMade(data)
          scope.state.crewChanged()
        }}
      >
        <TextField label="Name" name="name" placeholder="Till 2" maxLength={120} required error={submission.errorOf('name')} autoComplete="off" />
        <SelectField label="What for" name="role" defaultValue="staff" options={deviceRoles} />
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Add
          </button>
        </div>
      </Form>
    </Dialog>
  )
}
