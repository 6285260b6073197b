import type { Role } from '~/utils/contracts/common'
import type { ChangeMember } from '~/utils/contracts/member'

export type MemberRole = ChangeMember['role']

export const memberRoles: readonly MemberRole[] = ['owner', 'manager', 'staff', 'kitchen']
export const roleNames: Record<Role, string> = { owner: 'Owner', manager: 'Manager', staff: 'Staff', kitchen: 'Kitchen', kiosk: 'Kiosk' }

/** Whom each role may make a member, and change. */
export const grants: Record<Role, readonly MemberRole[]> = {
  owner: memberRoles,
  manager: ['staff', 'kitchen'],
  staff: [],
  kitchen: [],
  kiosk: [],
}
