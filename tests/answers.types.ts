import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { newRouter } from '~/routes/router'
import { failure, ok, page, pageOf, success } from '~/utils/http'

/**
 * Read by the compiler only (`bun run typecheck`): an answer that differs from its documented form does not compile.
 * Every line marked as an expected error would itself be an error if the compiler ever stopped to notice.
 */

const cupSchema = z.object({ name: z.string(), size: z.int() })
const cup = { name: 'Espresso', size: 30 }

const readCup = createRoute({
  method: 'get',
  path: '/cup',
  responses: { 200: success('A cup', cupSchema), 503: failure('Not now') },
})
const listCups = createRoute({ method: 'get', path: '/cups', responses: { 200: pageOf('Cups', cupSchema) } })

const router = newRouter()

router.openapi(readCup, (c) => ok(c, 200, { data: cup }, 'A cup'))
router.openapi(listCups, (c) => page(c, 50, { data: [cup], nextCursor: null }, 'Cups'))

// @ts-expect-error a field has the wrong type
router.openapi(readCup, (c) => ok(c, 200, { data: { name: 'Espresso', size: 'small' } }, 'A cup'))

// @ts-expect-error a field is missing
router.openapi(readCup, (c) => ok(c, 200, { data: { name: 'Espresso' } }, 'A cup'))

// @ts-expect-error 201 is not documented
router.openapi(readCup, (c) => ok(c, 201, { data: cup }, 'A cup'))

// @ts-expect-error an answer outside the envelope
router.openapi(readCup, (c) => c.json(cup, 200))

// @ts-expect-error one resource where a page is documented
router.openapi(listCups, (c) => ok(c, 200, { data: cup }, 'Cups'))

// @ts-expect-error a page whose rows have another form
router.openapi(listCups, (c) => page(c, 50, { data: [{ name: 'Espresso' }], nextCursor: null }, 'Cups'))
