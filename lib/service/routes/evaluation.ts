import { TvmNodeError } from '../../errors.js'
import { route } from '../route.js'
import { batchQuery, batchSchema, epochQuery, resultReply, upcomingReply } from '../schemas.js'
import { epochReply } from '../served-backend.js'
import { tensorsFromWire } from '../wire.js'
import { modelOf } from './backends.js'

/** The hooks of a training loop, for each stage. */
export const evaluationRoutes = (['validation', 'test'] as const).flatMap((stage) => {
  const path = `/v1/backends/{backend}/${stage}`
  const name = stage === 'validation' ? 'Validation' : 'Test'
  return [
    route({
      method: 'POST',
      path: `${path}/start`,
      id: `start${name}`,
      summary: `A ${stage} epoch begins. The model is needed only when the epoch is due.`,
      query: epochQuery,
      body: 'model?',
      replies: {
        200: { description: 'The epoch, and whether its batches are needed.', schema: upcomingReply },
      },
      handle: async ({ service, params, query, body }) => {
        const { hooks } = service.backends.get(params.backend)
        const upcoming = await hooks.start(stage, query.epoch, query.sanity_check ?? false, () => {
          if (body !== undefined) return modelOf(service, body)
          throw new TvmNodeError('ERR_INVALID_ARGUMENT', `this ${stage} epoch is due: send its model`)
        })
        return { json: { stage, ...upcoming } }
      },
    }),
    route({
      method: 'POST',
      path: `${path}/batch`,
      id: `add${name}Batch`,
      summary: `A batch of a ${stage} epoch, of which the first \`${stage === 'test' ? 'test' : 'val'}_batches\` are run.`,
      query: batchQuery,
      body: batchSchema,
      replies: { 204: { description: 'It was taken, or is not needed.' } },
      handle: async ({ service, params, query, body }) => {
        const { hooks } = service.backends.get(params.backend)
        const outputs = body.outputs && tensorsFromWire(body.outputs)
        hooks.batch(stage, query.index, { inputs: tensorsFromWire(body.inputs), ...(outputs && { outputs }) })
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: `${path}/end`,
      id: `end${name}`,
      summary: `A ${stage} epoch ends. Goes on when the client goes away; asking again with \`epoch\` yields the same result.`,
      query: epochQuery,
      replies: {
        200: { description: 'What came of the epoch.', schema: resultReply },
        202: {
          description: 'It is evaluated in the background; an event tells of its result.',
          schema: resultReply,
        },
      },
      handle: async ({ service, params, query }) => {
        const served = service.backends.get(params.backend)
        const { epoch, sanity_check: sanityCheck = false } = query
        const result = await served.use(() => served.hooks.end(stage, epoch, sanityCheck))
        return result.status === 'queued' ? { status: 202, json: result } : { json: epochReply(result) }
      },
    }),
  ]
})
