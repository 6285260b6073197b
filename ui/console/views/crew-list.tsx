import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { grants, type MemberRole, memberRoles, roleNames } from '~/ui/console/model/roles'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import type { StoreMember } from '~/utils/contracts/member'

export function CrewList({ title, members, online }: { title: string; members: StoreMember[]; online: ReadonlyMap<string, number> }) {
  const owners = members.filter((member) => member.role === 'owner')
  return (
    <section className="sheet" aria-label={title}>
      <header className="sheet-head">
        <h2>{title}</h2>
        <span className="soft number">{members.length}</span>
      </header>
      <ul className="rows">
        {members.map((member) => (
          <CrewRow
            key={member.userId}
            member={member}
            sessions={online.get(member.userId) ?? 0}
            isLastOwner={owners.length === 1 && owners[0] === member}
          />
        ))}
      </ul>
      {members.length === 0 && <p className="empty">None</p>}
    </section>
  )
}

function CrewRow({ member, sessions, isLastOwner }: { member: StoreMember; sessions: number; isLastOwner: boolean }) {
  const scope = useStoreScope()
  const isMe = member.userId === scope.user.id
  const isDevice = member.kind === 'device'
  const granted = grants[scope.role]
  // A store keeps its last owner, whoever asks.
  const canChange = !isDevice && !isLastOwner && scope.role === 'owner'
  const canRemove = isDevice ? isManager(scope.role) : !isLastOwner && (isMe || granted.some((role) => role === member.role))
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
