/**
 * The statements that lead from one version of the store's schema to the next. `PRAGMA user_version` says how many a file has
 * had. One that was released is never changed.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE result (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    network TEXT NOT NULL,
    status TEXT NOT NULL,
    run TEXT,
    model_hash TEXT,
    board TEXT,
    target TEXT,
    tuner TEXT,
    stage TEXT,
    epoch INTEGER,
    versions TEXT NOT NULL,
    metrics TEXT NOT NULL
  ) STRICT;
  CREATE TABLE detail (
    result INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (result, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX result_by_network ON result (network, id);
  CREATE INDEX result_by_kind ON result (kind, id);
  CREATE INDEX result_by_run ON result (run, id);
  `,
]

export const SCHEMA_VERSION = migrations.length

/** The columns of `result` that a record fills as they are. */
export const plainColumns = [
  'kind',
  'network',
  'status',
  'run',
  'model_hash',
  'board',
  'target',
  'tuner',
  'stage',
  'epoch',
] as const
