import { z } from 'zod'
import { backendSchema } from '../backend/config.js'
import { resultKinds, resultStatuses } from '../results/kinds.js'
import { namedTensorsSchema, numberSchema } from './wire.js'

/** Settings of hooks, as `EvaluationOptions`. */
const stage = {
  policy: z
    .enum(['await', 'background'])
    .describe('Whether the end of an epoch waits for its result, or the result comes as an event.'),
  time_budget_ms: z.number().positive().describe('Milliseconds after which an epoch is given up.'),
}
export const createSchema = backendSchema
  .omit({ results: true })
  .extend({
    name: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('What people call it; default the name of the board.'),
    evaluation: z
      .strictObject({
        ...stage,
        validation: z.strictObject(stage).partial(),
        test: z.strictObject(stage).partial(),
        repeat: z.int().min(1).max(10_000).describe('Timed runs for the latency; default 10.'),
      })
      .partial()
      .default({}),
  })
  .meta({ id: 'BackendConfig' })

/** JSON within a query. */
export const shapesQuery = z.strictObject({
  shapes: z
    .string()
    .transform((text, context) => {
      try {
        return z.record(z.string(), z.array(z.int().min(0))).parse(JSON.parse(text))
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON such as {"data":[1,3,224,224]}' })
        return z.NEVER
      }
    })
    .optional()
    .meta({ description: 'Shapes of inputs that the model leaves open, as JSON.' }),
})

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(least).max(most))
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

export const epochQuery = z.strictObject({
  sanity_check: flag
    .optional()
    .describe('A trial run before training, which is neither measured nor counted.'),
  epoch: whole(0)
    .optional()
    .describe(
      'The epoch that the client is at: a request that is sent again counts once, and one for another epoch is refused.',
    ),
})
export const batchQuery = z.strictObject({
  index: whole(0).describe('Number of the batch in its epoch, from 0; one that is sent again is taken once.'),
})
export const eventsQuery = z.strictObject({
  after: whole(0).optional().describe('Number of the event that was heard last.'),
})
export const resultsQuery = z.strictObject({
  kind: z.enum(resultKinds).optional(),
  network: z.string().optional(),
  board: z.string().optional(),
  tuner: z.string().optional(),
  run: z.string().optional(),
  status: z.enum(resultStatuses).optional(),
  since: whole(0).optional().describe('Milliseconds since 1970.'),
  limit: whole(1, 10_000).optional(),
})

export const runSchema = z.strictObject({ inputs: namedTensorsSchema }).meta({ id: 'RunRequest' })
export const profileSchema = runSchema
  .extend({ repeat: z.int().min(1).max(10_000).optional().describe('Runs that are timed; default 10.') })
  .meta({ id: 'ProfileRequest' })
export const batchSchema = z
  .strictObject({
    inputs: namedTensorsSchema,
    outputs: namedTensorsSchema
      .optional()
      .describe("What the trainer's own network computed; default: ONNX Runtime computes it."),
  })
  .meta({ id: 'Batch' })

const metrics = z.record(z.string(), numberSchema)
const operators = z.array(
  z.strictObject({
    name: z.string(),
    durationUs: z.number(),
    percent: z.number().describe('Share of the whole run, from 0 to 100.'),
    device: z.string(),
  }),
)
const stageName = z.enum(['validation', 'test'])
const upcoming = z.strictObject({
  epoch: z.int(),
  due: z.boolean().describe('Whether the model and batches of this epoch are needed.'),
})
const tensorInfo = z.looseObject({ name: z.string(), shape: z.array(z.int()), dtype: z.string() })

export const boardReply = z
  .strictObject({
    board: z.string(),
    key: z.string(),
    connector: z.string(),
    target: z.string(),
    state: z.enum(['free', 'busy', 'offline', 'unsupported']),
    reason: z.string(),
  })
  .meta({ id: 'Board' })
export const summaryReply = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    created_at: z.number().describe('Milliseconds since 1970.'),
    board: z.strictObject({ name: z.string(), target: z.string(), connector: z.string() }),
    tuner: z.string(),
    network: z.string().nullable(),
    call: z.enum(['prepare', 'run', 'profile', 'export']).nullable().describe('What it does now.'),
    step: z
      .strictObject({
        phase: z.string(),
        step: z.string().optional(),
        fraction: z.number().optional().describe('How far, from 0 to 1.'),
      })
      .nullable(),
    evaluating: z.strictObject({ stage: stageName, epoch: z.int(), phase: z.string() }).nullable(),
    waiting: z.int().describe('Requests that wait or are worked on.'),
    upcoming: z.strictObject({ validation: upcoming, test: upcoming }).optional(),
  })
  .meta({ id: 'BackendSummary' })
export const resultReply = z
  .looseObject({
    stage: stageName,
    epoch: z.int(),
    status: z.enum(['measured', 'skipped', 'failed', 'queued']),
    metrics: metrics.optional(),
    outputs: z.record(z.string(), metrics).optional(),
    profile: operators.optional(),
    rebuilt: z.enum(['all', 'parameters', 'nothing']).optional(),
    batches: z.int().optional(),
    phase: z.string().optional(),
    reason: z.string().optional(),
    code: z.string().optional(),
  })
  .meta({ id: 'EpochResult' })
export const stateReply = summaryReply
  .extend({
    inputs: z.array(tensorInfo),
    outputs: z.array(tensorInfo),
    epochs: z.array(resultReply).describe('The newest 2,000, oldest first.'),
    broken: z.array(z.strictObject({ stage: stageName, epoch: z.int(), why: z.string() })),
    metrics: metrics.nullable(),
    profile: operators.describe('Of the run that was measured last, in order of execution.'),
  })
  .meta({ id: 'Backend' })
export const preparedReply = z.strictObject({
  rebuilt: z.enum(['all', 'parameters', 'nothing']),
  build_ms: z.number(),
  upload_ms: z.number(),
})
export const runReply = z.strictObject({ outputs: namedTensorsSchema })
export const profileReply = runReply.extend({ metrics, profile: operators })
export const upcomingReply = upcoming.extend({ stage: stageName })
export const eventReply = z
  .looseObject({
    id: z.int().describe('Counted from 1.'),
    time: z.number().describe('Milliseconds since 1970.'),
    backend: z.string(),
    type: z.enum(['created', 'deleted', 'call', 'progress', 'epoch', 'result', 'profile']),
  })
  .meta({ id: 'Event' })
export const storedReply = z
  .looseObject({
    id: z.int(),
    created_at: z.number(),
    kind: z.string(),
    network: z.string(),
    status: z.string(),
  })
  .meta({ id: 'StoredResult' })
export const serviceReply = z.strictObject({
  version: z.string(),
  backends: z.int(),
  requests: z.int().describe('Worked on now.'),
  listeners: z.int(),
  results: z.boolean().describe('Whether results are kept.'),
})
