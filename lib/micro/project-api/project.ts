import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { TvmNodeError } from '../../errors.js'
import type { Limits } from '../../limits.js'
import { decodeBase85, encodeBase85 } from './base85.js'
import {
  checkProjectOptions,
  type ProjectMethod,
  type ProjectOption,
  type ProjectOptions,
  projectOption,
} from './options.js'
import { ProjectServer } from './project-server.js'

const TVM_VERSION = '0.18.0'
const PROTOCOL = 1

/** Milliseconds that each method may take unless a call says otherwise. */
export const projectDeadlines = {
  server_info_query: 60_000,
  generate_project: 300_000,
  build: 1_800_000,
  flash: 600_000,
  open_transport: 120_000,
  close_transport: 30_000,
} as const
/** Milliseconds that a transport may take beyond the time that it was given. */
const GRACE = 10_000

const serverInfo = z.looseObject({
  platform_name: z.string(),
  is_template: z.boolean(),
  model_library_format_path: z.string().nullish(),
  project_options: z.array(projectOption),
  protocol_version: z.number(),
})

export interface ProjectInfo {
  readonly platform: string
  readonly isTemplate: boolean
  /** The archive that a generated project was made of. */
  readonly modelLibraryFormat: string | undefined
  readonly options: readonly ProjectOption[]
}

/** Seconds that a session over a project's transport may take; 0 for no limit. */
export interface TransportTimeouts {
  readonly startRetry: number
  readonly start: number
  readonly established: number
}
const openedTransport = z.looseObject({
  timeouts: z.looseObject({
    session_start_retry_timeout_sec: z.number().min(0),
    session_start_timeout_sec: z.number().min(0),
    session_established_timeout_sec: z.number().min(0),
  }),
})

/** Platforms of TVM's own templates, whose projects are made of TVM's C runtime. */
const ofTvm = ['zephyr', 'arduino', 'crt', 'host']

/** A project as its server knows it, from a template or generated already (TVM v0.18, python/tvm/micro/project.py). */
export class Project implements AsyncDisposable {
  private constructor(
    private readonly server: ProjectServer,
    readonly info: ProjectInfo,
  ) {}

  /** @throws `ERR_CONFIG` for a directory without a server, `ERR_PROJECT_API`, `ERR_TIMEOUT` */
  static async open(directory: string, limits: Limits = {}): Promise<Project> {
    const server = ProjectServer.start(directory)
    try {
      const method = 'server_info_query'
      const answer = await server.call(method, { tvm_version: TVM_VERSION }, within(method, limits))
      const info = read(serverInfo, answer, method)
      if (info.protocol_version !== PROTOCOL)
        throw protocolError(
          method,
          `the project server speaks version ${info.protocol_version} of the project API, not ${PROTOCOL}`,
        )
      return new Project(server, {
        platform: info.platform_name,
        isTemplate: info.is_template,
        modelLibraryFormat: info.model_library_format_path || undefined,
        options: info.project_options,
      })
    } catch (error) {
      await server.dispose()
      throw error
    }
  }

  get directory(): string {
    return this.server.directory
  }

  /**
   * Checks options and makes a project of this template.
   *
   * @param archive - A network in TVM's Model Library Format.
   * @param directory - Where the project is to be; it must not exist.
   * @param methods - What is going to be called later, whose required options are checked now.
   * @returns The generated project, with a server of its own.
   * @throws `ERR_CONFIG` before anything is generated; `ERR_NOT_AVAILABLE` for TVM's own templates without TVM's sources
   */
  async generate(
    archive: string,
    directory: string,
    options: ProjectOptions = {},
    methods: readonly ProjectMethod[] = ['build'],
    limits: Limits = {},
  ): Promise<Project> {
    if (!this.info.isTemplate)
      throw new TvmNodeError('ERR_CONFIG', `${this.directory} is a project, not a template of one`, {
        details: { path: 'template_dir' },
      })
    const complete = this.check(options, ['generate_project', ...methods])
    const target = resolve(directory)
    if (existsSync(target))
      throw new TvmNodeError('ERR_CONFIG', `${target} exists; a project is generated into a new directory`, {
        details: { path: 'directory' },
      })
    const params = {
      model_library_format_path: resolve(archive),
      standalone_crt_dir: this.runtimeSources(),
      project_dir: target,
      options: complete,
    }
    await this.server.call('generate_project', params, within('generate_project', limits))
    return Project.open(target, limits)
  }

  /** Values for all options of this project. @throws `ERR_CONFIG` */
  check(options: ProjectOptions, methods: readonly ProjectMethod[]): ProjectOptions {
    return checkProjectOptions(options, this.info.options, methods)
  }

  async build(options: ProjectOptions = {}, limits: Limits = {}): Promise<void> {
    await this.act('build', options, limits)
  }

  async flash(options: ProjectOptions = {}, limits: Limits = {}): Promise<void> {
    await this.act('flash', options, limits)
  }

  /** Opens the line to the board. */
  async openTransport(options: ProjectOptions = {}, limits: Limits = {}): Promise<ProjectTransport> {
    const { timeouts } = read(
      openedTransport,
      await this.act('open_transport', options, limits),
      'open_transport',
    )
    return new ProjectTransport(this.server, {
      startRetry: timeouts.session_start_retry_timeout_sec,
      start: timeouts.session_start_timeout_sec,
      established: timeouts.session_established_timeout_sec,
    })
  }

  private async act(method: ProjectMethod, options: ProjectOptions, limits: Limits): Promise<unknown> {
    if (this.info.isTemplate)
      throw new TvmNodeError(
        'ERR_CONFIG',
        `${this.directory} is a template; generate a project of it first`,
        {
          details: { path: 'template_dir' },
        },
      )
    return this.server.call(method, { options: this.check(options, [method]) }, within(method, limits))
  }

  /** TVM's C runtime, which servers copy; empty where there is none. */
  private runtimeSources(): string {
    const home = process.env.TVM_HOME
    const folders = home ? ['standalone_crt', 'build/standalone_crt'].map((path) => join(home, path)) : []
    const found = folders.find((folder) => existsSync(folder))
    const { platform } = this.info
    if (!found && ofTvm.includes(platform))
      throw new TvmNodeError(
        'ERR_NOT_AVAILABLE',
        `the template for '${platform}' needs TVM's C runtime, which only a build of TVM has: set TVM_HOME to one with a folder standalone_crt`,
        { details: { platform } },
      )
    return found ?? ''
  }

  async dispose(): Promise<void> {
    await this.server.dispose()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** The line to a board through its project's server. */
export class ProjectTransport implements AsyncDisposable {
  private isClosed = false
  constructor(
    private readonly server: ProjectServer,
    readonly timeouts: TransportTimeouts,
  ) {}

  /**
   * Waits for bytes from the board, `most` of them at most.
   *
   * @param seconds - How long; default without a limit.
   * @throws `ERR_TIMEOUT` when the board sends nothing, after which reading goes on; `ERR_CONNECTION` when the line is closed
   */
  async read(most: number, seconds?: number, limits: Limits = {}): Promise<Buffer> {
    const params = { n: most, timeout_sec: seconds ?? null }
    const answer = await this.server.call('read_transport', params, this.within(seconds, limits))
    const { data } = read(z.looseObject({ data: z.string() }), answer, 'read_transport')
    const bytes = decodeBase85(data)
    if (!bytes || bytes.length > most)
      throw protocolError(
        'read_transport',
        'the project server sent no bytes in base 85, or more than asked for',
      )
    return bytes
  }

  /** Sends all bytes. @throws `ERR_TIMEOUT`, `ERR_CONNECTION` */
  async write(bytes: Uint8Array, seconds?: number, limits: Limits = {}): Promise<void> {
    const params = { data: encodeBase85(bytes), timeout_sec: seconds ?? null }
    await this.server.call('write_transport', params, this.within(seconds, limits))
  }

  private within(seconds: number | undefined, { signal, timeoutMs }: Limits): Limits {
    return { signal, timeoutMs: timeoutMs ?? (seconds === undefined ? undefined : seconds * 1000 + GRACE) }
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    if (this.server.alive) await this.server.call('close_transport', {}, within('close_transport', {}))
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function within(method: keyof typeof projectDeadlines, { signal, timeoutMs }: Limits): Limits {
  return { signal, timeoutMs: timeoutMs ?? projectDeadlines[method] }
}

function read<Schema extends z.ZodType>(schema: Schema, answer: unknown, method: string): z.output<Schema> {
  const { success, data, error } = schema.safeParse(answer)
  if (success) return data
  const [issue] = error.issues
  throw protocolError(
    method,
    `the project server answered '${method}' with something else than the project API has: ${issue?.path.join('.')} ${issue?.message}`,
  )
}

function protocolError(method: string, message: string): TvmNodeError {
  return new TvmNodeError('ERR_PROJECT_API', message, { details: { method } })
}
