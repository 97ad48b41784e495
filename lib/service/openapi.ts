import { z } from 'zod'
import { packageVersion } from '../version.js'
import type { Route } from './route.js'
import { routes } from './routes/index.js'

type Json = Record<string, unknown>

const errorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string().describe('One of docs/errors.md, or ERR_INTERNAL.'),
      message: z.string().describe('For people.'),
      details: z.record(z.string(), z.unknown()),
    }),
  })
  .meta({ id: 'Error' })

/** The OpenAPI 3.1 document of the routes. */
export function openApi(): Json {
  const components: Json = {}
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    const path = paths[route.path] as Json
    path[route.method.toLowerCase()] = operation(route, components)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'tvm-node serve',
      version: packageVersion,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Compiles, tunes, runs and evaluates networks in training for programs in any language. Every request needs the token.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

function operation(route: Route, components: Json): Json {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const query = route.query
    ? (schemaOf(route.query, 'input', components) as { properties?: Json; required?: string[] })
    : {}
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query.properties ?? {}).map(([name, schema]) => ({
      name,
      in: 'query',
      required: query.required?.includes(name) ?? false,
      schema,
    })),
  ]
  const responses = Object.fromEntries(
    Object.entries(route.replies).map(([status, { description, schema }]) => [
      status,
      { description, ...(schema && { content: json(schemaOf(schema, 'output', components)) }) },
    ]),
  )
  return {
    operationId: route.id,
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: requestBody(route.body, components) }),
    responses: {
      ...responses,
      default: {
        description:
          '401 without the token, 400 for a wrong request, 413 for a large one, 429 and 503 when there is too much to do.',
        content: json(schemaOf(errorSchema, 'output', components)),
      },
    },
  }
}

function requestBody(body: NonNullable<Route['body']>, components: Json): Json {
  if (typeof body !== 'string') return { required: true, content: json(schemaOf(body, 'input', components)) }
  return {
    required: body === 'model',
    description:
      'The bytes of an ONNX file, or the path of one in a folder that the service opens to clients.',
    content: {
      'application/octet-stream': { schema: {} },
      ...json({
        type: 'object',
        properties: { path: { type: 'string' } },
        required: ['path'],
        additionalProperties: false,
      }),
    },
  }
}

function json(schema: unknown): Json {
  return { 'application/json': { schema } }
}

/** A schema as JSON; those with a name go to the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): unknown {
  const {
    $schema: _,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json & { $defs?: Json }
  const moved = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'))
  for (const [name, definition] of Object.entries($defs ?? {})) components[name] = moved(definition)
  const { id } = schema.meta() ?? {}
  if (id === undefined) return moved(rest)
  components[id] = moved(rest)
  return { $ref: `#/components/schemas/${id}` }
}
