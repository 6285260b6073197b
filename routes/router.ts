import { OpenAPIHono } from '@hono/zod-openapi'
import { type AppEnv, onValidation } from '~/utils/http'

/** A router whose failed validations are answered in the envelope, in the promised order. */
export const newRouter = () => new OpenAPIHono<AppEnv>({ defaultHook: onValidation })
