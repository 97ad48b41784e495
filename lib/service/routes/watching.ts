import { z } from 'zod'
import type { ResultFilter } from '../../results/record.js'
import { packageVersion } from '../../version.js'
import { route } from '../route.js'
import { boardReply, eventReply, eventsQuery, resultsQuery, serviceReply, storedReply } from '../schemas.js'

/** What is to be seen: the service, boards, events, kept results. */
export const watchingRoutes = [
  route({
    method: 'GET',
    path: '/v1',
    id: 'getService',
    summary: 'Show the version and how busy the service is.',
    replies: { 200: { description: 'The service.', schema: serviceReply } },
    handle: async ({ service }) => ({ json: { version: packageVersion, ...service.load } }),
  }),
  route({
    method: 'GET',
    path: '/v1/openapi.json',
    id: 'getOpenApi',
    summary: 'Fetch this description.',
    replies: { 200: { description: 'An OpenAPI 3.1 document.' } },
    handle: async () => {
      const { openApi } = await import('../openapi.js')
      return { json: openApi() }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/boards',
    id: 'listBoards',
    summary: 'List the boards that can be asked for by name, with their state.',
    replies: { 200: { description: 'By name.', schema: z.array(boardReply) } },
    handle: async ({ service }) => ({ json: await service.boards() }),
  }),
  route({
    method: 'GET',
    path: '/v1/events',
    id: 'listEvents',
    summary:
      'What happened, the last 1,000 events. With `Accept: text/event-stream` it goes on as server-sent events; as a WebSocket it goes on with one event a message.',
    query: eventsQuery,
    replies: { 200: { description: 'Oldest first.', schema: z.array(eventReply) } },
    handle: async ({ service, query }) => ({ json: service.events.after(query.after ?? 0) }),
  }),
  route({
    method: 'GET',
    path: '/v1/results',
    id: 'listResults',
    summary: 'List results that were kept, if the service keeps any.',
    query: resultsQuery,
    replies: { 200: { description: 'Newest first.', schema: z.array(storedReply) } },
    handle: async ({ service, query }) => ({
      json: await (await service.store()).list(query as ResultFilter),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/results/{result}',
    id: 'getResult',
    summary: 'Show a kept result with its larger parts.',
    replies: { 200: { description: 'The result.', schema: storedReply } },
    handle: async ({ service, params }) => ({
      json: await (await service.store()).get(Number(params.result)),
    }),
  }),
]
