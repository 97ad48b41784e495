import type { Route } from '../route.js'
import { backendRoutes } from './backends.js'
import { evaluationRoutes } from './evaluation.js'
import { watchingRoutes } from './watching.js'

/** All that the service can be asked; `docs/openapi.json` comes from it too. */
export const routes: readonly Route[] = [...backendRoutes, ...evaluationRoutes, ...watchingRoutes]
