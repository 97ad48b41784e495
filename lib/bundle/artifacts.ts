/** A file of the bundle, with where it is in its archive. */
export interface BundleFile {
  readonly name: string
  readonly entry: string
  readonly bytes: number
  /** Of the file as it is installed. */
  readonly sha256: string
  readonly executable?: boolean
  /** Names in the file that are replaced by ones not longer, padded with zeros: where, old, new. */
  readonly renames?: readonly (readonly [at: number, from: string, to: string])[]
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
export const BUNDLE_KEY = 'tvm-0.18.0-1.5.11-lean'

const BYTEDECO = 'org.bytedeco'

/** The only platform for which these artifacts hold a whole compiler. */
const CLASSIFIER = 'linux-x86_64'

const native = (artifact: string, name: string) => `org/bytedeco/${artifact}/${CLASSIFIER}/${name}`

/**
 * TVM's libraries are linked against OpenBLAS and oneDNN, 100 MB that nothing compiled here calls. They are made to ask for
 * a stand-in instead, under a name that no other addon in the host's process could be given by mistake
 * (docs/decisions/0003).
 */
const withoutBlas = (openblas: number, dnnl: number): NonNullable<BundleFile['renames']> => [
  [openblas, 'libopenblas.so.0', 'libnoblas.so'],
  [dnnl, 'libdnnl.so.2', 'libnoblas.so'],
]

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
        renames: withoutBlas(7163624, 7163641),
        sha256: '547798bab18e33f4e29393d02c2a4f58016bf220cd76f5464c1950a0e6e78718',
      },
      {
        name: 'libtvm_runtime.so',
        entry: native('tvm', 'libtvm_runtime.so'),
        bytes: 4615184,
        renames: withoutBlas(557293, 557310),
        sha256: 'd0aced87cb55e2f22a4de9f4049f995893b4d2e6e69728a000c803b1f05965ee',
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
