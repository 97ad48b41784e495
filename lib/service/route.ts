import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Service } from './service.js'

export type Method = 'GET' | 'POST' | 'DELETE'

/** What a handler answers: JSON, unless it is bytes. */
export interface Reply {
  /** Default 200. */
  readonly status?: number
  readonly json?: unknown
  readonly bytes?: {
    readonly type: string
    readonly name: string
    readonly length: number
    readonly stream: Readable
  }
}

/** A model: bytes of an ONNX file, or the path of one. */
export type ModelBody = Uint8Array | { readonly path: string }

export interface Call<Query, Body> {
  readonly service: Service
  /** Parts of the path by name. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}

/** One thing that the service can be asked: what is checked, what is documented, and what is done. */
export interface Route {
  readonly method: Method
  /** With `{name}` for parts that differ. */
  readonly path: string
  /** Names it in the OpenAPI document, for generated clients. */
  readonly id: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType | 'model' | 'model?'
  readonly replies: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>
  readonly handle: (call: Call<never, never>) => Promise<Reply>
}

interface TypedRoute<
  Query extends z.ZodObject | undefined,
  Body extends z.ZodType | 'model' | 'model?' | undefined,
> extends Omit<Route, 'query' | 'body' | 'handle'> {
  readonly query?: Query
  readonly body?: Body
  readonly handle: (
    call: Call<
      Query extends z.ZodObject ? z.output<Query> : undefined,
      Body extends z.ZodType
        ? z.output<Body>
        : Body extends 'model'
          ? ModelBody
          : Body extends 'model?'
            ? ModelBody | undefined
            : undefined
    >,
  ) => Promise<Reply>
}

/** A route whose handler has the types of its own schemas. */
export function route<
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | 'model' | 'model?' | undefined = undefined,
>(typed: TypedRoute<Query, Body>): Route {
  return typed as unknown as Route
}

/** The routes whose path fits, with the parts that differ. */
export function matching(
  routes: readonly Route[],
  path: string,
): { readonly route: Route; readonly params: Record<string, string> }[] {
  const given = path.split('/')
  return routes.flatMap((route) => {
    const parts = route.path.split('/')
    if (parts.length !== given.length) return []
    const params: Record<string, string> = {}
    for (const [i, part] of parts.entries()) {
      const name = /^\{(\w+)\}$/.exec(part)?.[1]
      if (name !== undefined) params[name] = given[i] as string
      else if (part !== given[i]) return []
    }
    return [{ route, params }]
  })
}
