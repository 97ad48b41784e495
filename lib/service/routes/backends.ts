import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makePrivateFolder, removePrivateFolder } from '../../private-folders.js'
import type { ModelBody } from '../route.js'
import { type Reply, route } from '../route.js'
import {
  createSchema,
  preparedReply,
  profileReply,
  profileSchema,
  runReply,
  runSchema,
  shapesQuery,
  stateReply,
  summaryReply,
} from '../schemas.js'
import type { Service } from '../service.js'
import { tensorsFromWire, tensorsToWire } from '../wire.js'

/** Making backends, and all of them but the hooks. */
export const backendRoutes = [
  route({
    method: 'POST',
    path: '/v1/backends',
    id: 'createBackend',
    summary: 'Make a backend: a board, a tuner, and how often it is evaluated.',
    body: createSchema,
    replies: { 201: { description: 'The backend.', schema: summaryReply } },
    handle: async ({ service, body }) => ({ status: 201, json: (await service.create(body)).summary }),
  }),
  route({
    method: 'GET',
    path: '/v1/backends',
    id: 'listBackends',
    summary: 'List the backends with what each does now.',
    replies: { 200: { description: 'Oldest first.', schema: z.array(summaryReply) } },
    handle: async ({ service }) => ({ json: service.backends.all.map(({ summary }) => summary) }),
  }),
  route({
    method: 'GET',
    path: '/v1/backends/{backend}',
    id: 'getBackend',
    summary:
      'Show a backend with its epochs, which of them broke the deployed network, and the times of operators.',
    replies: { 200: { description: 'The backend.', schema: stateReply } },
    handle: async ({ service, params }) => ({ json: service.backends.get(params.backend).state }),
  }),
  route({
    method: 'DELETE',
    path: '/v1/backends/{backend}',
    id: 'deleteBackend',
    summary: 'End what a backend does and give its board back.',
    replies: { 204: { description: 'It is gone.' } },
    handle: async ({ service, params }) => {
      await service.backends.remove(service.backends.get(params.backend))
      return { status: 204 }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/backends/{backend}/available',
    id: 'isAvailable',
    summary: 'Ask whether the board can be used now.',
    replies: { 200: { description: 'Whether it can.', schema: z.strictObject({ available: z.boolean() }) } },
    handle: async ({ service, params, signal }) => {
      const { backend } = service.backends.get(params.backend)
      return { json: { available: await backend.available({ signal }) } }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/backends/{backend}/prepare',
    id: 'prepare',
    summary:
      'Tune if the backend is to, build, and bring a model onto the board. Ends when the client goes away.',
    query: shapesQuery,
    body: 'model',
    replies: { 200: { description: 'What had to be built.', schema: preparedReply } },
    handle: async ({ service, params, query, body, signal }) => {
      const served = service.backends.get(params.backend)
      const model = await modelOf(service, body)
      const shapes = query.shapes ? { shapes: query.shapes } : {}
      const prepared = await served.use(() => served.backend.prepare(model, { signal, ...shapes }))
      const { rebuilt, buildMs, uploadMs } = prepared
      return { json: { rebuilt, build_ms: buildMs, upload_ms: uploadMs } }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/backends/{backend}/run',
    id: 'run',
    summary: 'Run the prepared network on a batch of any size.',
    body: runSchema,
    replies: { 200: { description: 'Outputs of the whole batch.', schema: runReply } },
    handle: async ({ service, params, body, signal }) => {
      const served = service.backends.get(params.backend)
      const inputs = tensorsFromWire(body.inputs)
      const outputs = await served.use(() => served.backend.run(inputs, { signal }))
      return { json: { outputs: tensorsToWire(outputs) } }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/backends/{backend}/profile',
    id: 'profile',
    summary: 'Run the prepared network some times and measure it and each operator in it.',
    body: profileSchema,
    replies: { 200: { description: 'Outputs, metrics and the times of operators.', schema: profileReply } },
    handle: async ({ service, params, body, signal }) => {
      const served = service.backends.get(params.backend)
      const inputs = tensorsFromWire(body.inputs)
      const options = { signal, ...(body.repeat !== undefined && { repeat: body.repeat }) }
      const report = await served.use(() => served.backend.profile(inputs, options))
      return { json: { ...report, outputs: tensorsToWire(report.outputs) } }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/backends/{backend}/artifact',
    id: 'exportArtifact',
    summary: 'Fetch the prepared network as an artifact, which `tvm-node run` and `load` take.',
    replies: { 200: { description: 'The artifact, a tar file.' } },
    handle: async ({ service, params }): Promise<Reply> => {
      const served = service.backends.get(params.backend)
      return served.use(async () => {
        const folder = await makePrivateFolder()
        try {
          const path = join(folder, 'model.tvm')
          await served.backend.export(path)
          const { size } = await stat(path)
          const stream = createReadStream(path).once('close', () => void removePrivateFolder(folder))
          return {
            bytes: {
              type: 'application/x-tar',
              name: `${served.backend.network?.name || 'model'}.tvm`,
              length: size,
              stream,
            },
          }
        } catch (error) {
          await removePrivateFolder(folder)
          throw error
        }
      })
    },
  }),
]

/** What `prepare` and the hooks take: bytes as they are, a path after a check. @throws `ERR_FORBIDDEN` */
export async function modelOf(service: Service, body: ModelBody): Promise<Uint8Array | string> {
  return body instanceof Uint8Array ? body : service.allowed(body.path)
}
