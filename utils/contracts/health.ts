import { z } from 'zod'

const count = z.int().min(0)

export const webSocketStatsSchema = z
  .object({
    totalConnections: count,
    activeConnections: count,
    anonymousConnections: count,
    streams: count,
    subscriptions: count,
    deliveries: count,
    uptimeSeconds: z.number(),
  })
  .meta({ id: 'WebSocketStats' })

export const webSocketHealthSchema = z
  .object({ healthy: z.boolean(), totalConnections: count, activeConnections: count })
  .meta({ id: 'WebSocketHealth' })
export type WebSocketHealth = z.infer<typeof webSocketHealthSchema>

const part = <const Status extends string>(...statuses: Status[]) => z.object({ status: z.enum(statuses) })

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded', 'unavailable']),
    version: z.string(),
    uptimeSeconds: z.number(),
    parts: z.object({
      database: part('ok', 'unavailable'),
      relay: part('ok', 'degraded'),
      hub: part('ok', 'draining', 'unavailable'),
    }),
  })
  .meta({ id: 'Health' })
export type Health = z.infer<typeof healthSchema>

export const livenessSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Liveness' })

export const readinessSchema = z.object({ status: z.enum(['ready', 'draining', 'unavailable']) }).meta({ id: 'Readiness' })
export type Readiness = z.infer<typeof readinessSchema>
