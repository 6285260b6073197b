import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import { type AppEnv, onValidation } from '~/utils/http'

/** A router whose failed validations are answered in the envelope, in the promised order. */
export function newRouter() {
  const router = new OpenAPIHono<AppEnv>({ defaultHook: onValidation })
  const { openapi } = router
  router.openapi = ((route: RouteConfig, ...rest: unknown[]) => {
    for (const schema of schemasOf(route)) parseAtOnce(schema)
    return Reflect.apply(openapi, router, [route, ...rest])
  }) as typeof openapi
  return router
}

function schemasOf({ request }: RouteConfig): z.ZodType[] {
  const { params, query, body } = request ?? {}
  const json = body?.content['application/json']
  return [params, query, json && 'schema' in json ? json.schema : undefined].filter((schema): schema is z.ZodType => schema instanceof z.ZodType)
}

/** The validator asks asynchronously, for which Zod has no compiled code; nothing that we ask of a request takes time. */
function parseAtOnce(schema: z.ZodType): void {
  schema.safeParseAsync = async (value, options) => schema.safeParse(value, options)
}
