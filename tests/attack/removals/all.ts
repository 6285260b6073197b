import { authenticationRemovals } from './authentication'
import { businessRemovals } from './business'
import { inputRemovals } from './input'
import { originRemovals } from './origin'
import type { Removal } from './removal'
import { rightsRemovals } from './rights'
import { socketRemovals } from './socket'
import { streamRemovals } from './streams'

export const allRemovals: Removal[] = [
  ...authenticationRemovals,
  ...rightsRemovals,
  ...businessRemovals,
  ...inputRemovals,
  ...originRemovals,
  ...socketRemovals,
  ...streamRemovals,
]
