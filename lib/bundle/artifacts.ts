/** A file of the bundle, with where it is in its archive. */
export interface BundleFile {
  readonly name: string
  readonly entry: string
  readonly bytes: number
  readonly sha256: string
  readonly executable?: boolean
}

/** A Maven artifact. */
export interface BundleArtifact {
  readonly group: string
  readonly name: string
  readonly version: string
  /** Where its archive is for one platform. */
  readonly classifier?: string
  /** Of the archive. */
  readonly sha256: string
  readonly files: readonly BundleFile[]
}

/** Names the set below: a change of any version or file gets a new folder in the cache. */
export const BUNDLE_KEY = 'tvm-0.18.0-1.5.11-xgboost-2.1.3'

const BYTEDECO = 'org.bytedeco'

/** The only platform for which these artifacts hold a whole compiler. */
const CLASSIFIER = 'linux-x86_64'

const native = (artifact: string, name: string) => `org/bytedeco/${artifact}/${CLASSIFIER}/${name}`

/**
 * What the bundle is made of. `libgcc_s` is left out on purpose: the system's is newer, and two of them in one process
 * break exception handling.
 */
export const bundleArtifacts: readonly BundleArtifact[] = [
  {
    group: BYTEDECO,
    classifier: CLASSIFIER,
    name: 'tvm',
    version: '0.18.0-1.5.11',
    sha256: '5e63344da7e460f9dead6e6ea093615c1d28b8e8deea7a96f7ef1b4d94cd890f',
    files: [
      {
        name: 'libtvm.so',
        entry: native('tvm', 'python/tvm/libtvm.so'),
        bytes: 82497408,
        sha256: '389d993ee880f6014666a9aab481799d51f0bf36c7ad60c6822e37eb73dc2c92',
      },
      {
        name: 'libtvm_runtime.so',
        entry: native('tvm', 'libtvm_runtime.so'),
        bytes: 4615184,
        sha256: '2672beb5ff8dab0997248a590bb5fb1fe065e0b51f76d28b2ebf02b97e6f7965',
      },
    ],
  },
  {
    group: BYTEDECO,
    classifier: CLASSIFIER,
    name: 'llvm',
    version: '19.1.3-1.5.11',
    sha256: 'bef60bde8e6bea289f489bb4c1f0a0c6986450aefd8c7bfc36b67c50a820fbf2',
    files: [
      {
        name: 'libLLVM.so.19.1',
        entry: native('llvm', 'libLLVM.so.19.1'),
        bytes: 161208936,
        sha256: 'c2461d7f2ec33304b32529e0d38e26992a339211130ade3c894147a4f73f4b39',
      },
      {
        name: 'lld',
        entry: native('llvm', 'lld'),
        bytes: 7545368,
        sha256: 'fa7e610ccf42faba9a10d3dbf3b68da63d2aa14cb9adf45cf635d5410d813f9d',
        executable: true,
      },
    ],
  },
  {
    group: BYTEDECO,
    classifier: CLASSIFIER,
    name: 'dnnl',
    version: '2.7.1-1.5.8',
    sha256: 'd2b5e62087a2792aeb23e89b5140cfc33ffaa008aba001ca88dcf20901f33aee',
    files: [
      {
        name: 'libdnnl.so.2',
        entry: native('dnnl', 'libdnnl.so.2'),
        bytes: 61956120,
        sha256: 'd40e97c7fef27917d04dc843de8cda255cbefc04ee1a97ff9c742f1cb61f3cdc',
      },
      {
        name: 'libtbb.so.2',
        entry: native('dnnl', 'libtbb.so.2'),
        bytes: 251472,
        sha256: '9cff8963174e4cb0b97b31b6ff42760db61d607572ac0383283427a8e4cc5b5f',
      },
      {
        name: 'libgomp.so.1',
        entry: native('dnnl', 'libgomp.so.1'),
        bytes: 154840,
        sha256: 'a34b323345bf3adaaf328c7b59be88cd8b197718c318847ed4be7e7b473747d0',
      },
    ],
  },
  {
    group: BYTEDECO,
    classifier: CLASSIFIER,
    name: 'openblas',
    version: '0.3.28-1.5.11',
    sha256: '8e20a603cbb7f520eec4dfdea36cb039d92ce40cdc5bcc710dc8fdae64b572ad',
    files: [
      {
        name: 'libopenblas.so.0',
        entry: native('openblas', 'libopenblas.so.0'),
        bytes: 33753064,
        sha256: '475a5f66a65fd2f79572560e3e043dad606c30694b6f1934e8fb3fb9b4725757',
      },
      {
        name: 'libgfortran.so.5',
        entry: native('openblas', 'libgfortran.so.5'),
        bytes: 2911456,
        sha256: '01fc721062fc3c2b5492202d276c5a374b7d952fc168d2d1e603fa85660cc502',
      },
      {
        name: 'libquadmath.so.0',
        entry: native('openblas', 'libquadmath.so.0'),
        bytes: 297784,
        sha256: '36ccd8fddb16b65129879a6ecf379b468d6e920bdcaeb01e3a7fdd4e7ddf1be8',
      },
    ],
  },
  {
    group: 'ml.dmlc',
    name: 'xgboost4j_2.12',
    version: '2.1.3',
    sha256: 'bb5c3dd2096bd64ffa975c099ac884ec7de75b8f9396ee8e68cab1c45bded7a5',
    files: [
      {
        name: 'libxgboost4j.so',
        entry: 'lib/linux/x86_64/libxgboost4j.so',
        bytes: 14366576,
        sha256: '609b352bafb5da81ee06a72005ecb4d40b3827a27b7cf51b3dc2f6e5d57a6ba1',
      },
    ],
  },
]

/** Every file of the bundle. */
export const bundleFiles: readonly BundleFile[] = bundleArtifacts.flatMap((artifact) => artifact.files)

/** The archive's file name, as Maven gives it. */
export function archiveName(artifact: BundleArtifact): string {
  const { name, version, classifier } = artifact
  return `${[name, version, classifier].filter(Boolean).join('-')}.jar`
}
