import { afterAll } from 'vitest'
import { Service, type ServiceOptions } from '#lib/service/service.js'
import { tensorsToWire } from '#lib/service/wire.js'
import { type Tensor, tensorFromBytes } from '#lib/tensor.js'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it.
  readonly json: any
}

/** A service on a free port, closed at the end of the test file. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const service = await Service.start({ port: 0, ...options })
  afterAll(() => service.close())
  return service
}

export interface Asked {
  readonly body?: unknown
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

/** One request, with the token unless another is given; bytes go as they are, the rest as JSON. */
export async function ask(
  service: Service,
  method: string,
  path: string,
  { body, token = service.token, headers = {}, signal }: Asked = {},
): Promise<Answer> {
  const raw = body instanceof Uint8Array
  const response = await fetch(`${service.origin}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': raw ? 'application/octet-stream' : 'application/json',
      ...headers,
    },
    ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text }
}

export const wire = (tensors: Record<string, Tensor>) => tensorsToWire(tensors)

export function unwired({
  dtype,
  shape,
  data,
}: {
  dtype: Tensor['dtype']
  shape: number[]
  data: string
}): Tensor {
  return tensorFromBytes(dtype, shape, Buffer.from(data, 'base64'))
}
