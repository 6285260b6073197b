import { createRoute } from '@hono/zod-openapi'
import { createTicket } from '~/controllers/ticket.controllers'
import { signedIn } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { ticketSchema } from '~/utils/contracts/auth'
import { actorFailures, ok, security, success } from '~/utils/http'

export const ticketRoutes = newRouter()

ticketRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/websocket/tickets',
    summary: 'Create a ticket for one WebSocket authentication',
    tags: ['WebSocket'],
    security,
    middleware: signedIn,
    responses: { 201: success('Good for 30 seconds, once', ticketSchema), ...actorFailures },
  }),
  async (c) => ok(c, 201, await createTicket(c.var.actor), 'Ticket created'),
)
