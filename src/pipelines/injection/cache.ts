/** Stage `cache` (4b): brings the bricks of a campaign into the cache, verifies them, and writes one row for each. */
import { ArcletError } from '../../core/errors.ts';
import { openParquetWriter } from '../../io/parquet.ts';
import { openStore } from '../../io/store/store.ts';
import type { TableSchema } from '../../io/table.ts';
import { inOrder } from '../in-order.ts';
import { defineStage, type Failure, type StageContext, type StageResult } from '../stage.ts';
import { bricksOf } from './bricks/brick-list.ts';
import { type CachedBrick, type CacheJob, cacheBrick } from './bricks/cache-brick.ts';
import { PATIENCE, type Patience } from './bricks/fetch-file.ts';
import { Gate } from './bricks/gate.ts';
import { openOrigin } from './bricks/origin.ts';
import type { InjectConfig } from './config.ts';
import { joinLocation, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';

/** When all of the first bricks fail, the address is wrong: the originals once lost a whole run to a wrong prefix. */
const BRICKS_TRIED = 10;
const FAILURES_KEPT = 100;
/** Rows of a row group. */
const BATCH_ROWS = 4096;

export const cacheStage = defineStage<InjectConfig>({
  name: 'cache',
  aliases: ['4b'],
  summary: 'bring the bricks of the manifest into the cache, verify them, and record those that are missing',
  keys: [
    'targets',
    'coadd_cache',
    'coadd_base_url',
    'output',
    'variant',
    'experiment_id',
    'manifests_subdir',
    'bands',
    'include_psfsize',
    'http_timeout_s',
    'fetch_at_once',
    'force',
  ],
  run: (context, config) => runCache(context, config, PATIENCE),
});

const SCHEMA: TableSchema = {
  columns: [
    { name: 'brickname', type: 'string', description: 'RRRRsDDD' },
    { name: 'ok', type: 'bool', description: 'all files are there and readable' },
    { name: 'error', type: 'string', nullable: true, description: 'why not; of a good brick which PSF size maps it lacks' },
    { name: 'location', type: 'string', nullable: true, description: 'folder of the files' },
    { name: 'bytes', type: 'int64', unit: 'byte', description: 'of its files' },
    { name: 'files', type: 'int32' },
    {
      name: 'sha256',
      type: 'string',
      nullable: true,
      description: 'SHA-256 over the SHA-256 (hex) of its files in the order of their names; null where they were not read whole',
    },
  ],
};

/** The stage with its clock in hand. */
export async function runCache(context: StageContext, config: InjectConfig, patience: Patience): Promise<StageResult> {
  const { coaddCache, output } = requireKeys(config, 'cache', ['coadd_cache', 'output']);
  const { variant, manifestsSubdir, experimentId, coaddBaseUrl, bands } = config;
  const layout = { output, variant, manifestsSubdir };
  const force = context.force || config.force;
  const all = await bricksOf({ ...layout, experimentId }, config.targets);
  const bricks = all.filter((_, index) => index % context.shard.count === context.shard.index);
  await context.record.note({ coadd_cache: coaddCache, coadd_base_url: coaddBaseUrl ?? null, bricks: bricks.length });

  const begin = performance.now();
  const tally = new Tally();
  // A failure stops what is under way, as SIGINT does.
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  // What stopped the run; the bricks that it stopped are heard first, because they come in order.
  let first: unknown;
  const halt = (error: unknown) => {
    first ??= error;
    stop.abort(error);
    return error;
  };
  const cache = await openStore(coaddCache);
  const origin = coaddBaseUrl === undefined ? undefined : await openOrigin(coaddBaseUrl, config.httpTimeoutS, bands);
  const folder = phaseFolder(layout, '4b');
  const results = await openStore(folder);
  const key = assetsName(context);
  const job: CacheJob = {
    cache,
    origin,
    source: coaddBaseUrl ?? coaddCache,
    bands,
    psfsizeMaps: config.includePsfsize,
    force,
    gate: new Gate(config.fetchAtOnce),
    signal,
    patience,
  };
  try {
    const writer = openParquetWriter(await results.sink(key), SCHEMA);
    try {
      let rows: CachedBrick[] = [];
      const work = (brick: string) =>
        cacheBrick(job, brick).catch((error) => {
          throw halt(error);
        });
      for await (const { result } of inOrder(until(bricks, signal), config.fetchAtOnce, work)) {
        tally.add(result);
        rows.push(result);
        context.log.progress('bricks', tally.bricks, bricks.length);
        if (tally.failed === BRICKS_TRIED && tally.bricks === BRICKS_TRIED && !force) throw halt(allFail(job, result));
        if (rows.length < BATCH_ROWS) continue;
        await writer.write(batchOf(rows));
        rows = [];
      }
      if (context.signal.aborted) throw stopped(tally.bricks, context.signal);
      if (rows.length > 0) await writer.write(batchOf(rows));
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw first ?? error;
    }
  } finally {
    await Promise.all([origin?.close(), cache.close(), results.close()]);
  }
  return tally.result((performance.now() - begin) / 1000, joinLocation(folder, key), coaddCache);
}

/** Shards write beside each other. */
function assetsName({ shard: { index, count } }: StageContext): string {
  return `assets_manifest${count === 1 ? '' : `_shard-${index + 1}-of-${count}`}.parquet`;
}

function* until(bricks: readonly string[], signal: AbortSignal): Generator<string> {
  for (const brick of bricks) {
    if (signal.aborted) return;
    yield brick;
  }
}

function stopped(done: number, signal: AbortSignal): ArcletError {
  return new ArcletError('ABORTED', `The run was stopped after ${done} bricks.`, {
    remedy: 'Run it again: what is fetched is kept.',
    data: { done },
    cause: signal.reason,
  });
}

function allFail({ origin, cache }: CacheJob, { brickname, error }: CachedBrick): ArcletError {
  const address = origin?.addressOf(brickname) ?? cache.location;
  return new ArcletError(
    'INPUT_UNREADABLE',
    `None of the first ${BRICKS_TRIED} bricks is good; the last, at ${address}: ${error}`,
    {
      subject: address,
      remedy: `Correct ${origin === undefined ? 'coadd_cache' : 'coadd_base_url'}; --force goes on and records every brick.`,
      data: { brickname },
    },
  );
}

function batchOf(rows: readonly CachedBrick[]) {
  return {
    rows: rows.length,
    columns: {
      brickname: rows.map(({ brickname }) => brickname),
      ok: rows.map(({ ok }) => ok),
      error: rows.map(({ error }) => error),
      location: rows.map(({ location }) => location),
      bytes: BigInt64Array.from(rows, ({ bytes }) => BigInt(bytes)),
      files: Int32Array.from(rows, ({ files }) => files),
      sha256: rows.map(({ sha256 }) => sha256),
    },
  };
}

/** What a run has come to. */
class Tally {
  bricks = 0;
  failed = 0;
  readonly #failures: Failure[] = [];
  #files = 0;
  #filesFetched = 0;
  #bytesFetched = 0;

  add({ brickname, ok, error, files, filesFetched, bytesFetched }: CachedBrick): void {
    this.bricks++;
    this.#files += files;
    this.#filesFetched += filesFetched;
    this.#bytesFetched += bytesFetched;
    if (ok) return;
    this.failed++;
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ subject: brickname, reason: error ?? '' });
  }

  result(seconds: number, assets: string, cache: string): StageResult {
    const { bricks, failed } = this;
    const kept = this.#files - this.#filesFetched;
    const megabytes = (this.#bytesFetched / 1e6).toFixed(1);
    return {
      outcome: failed === 0 ? 'done' : 'failed-rows',
      counts: {
        bricks,
        bricks_ok: bricks - failed,
        bricks_failed: failed,
        files_kept: kept,
        files_fetched: this.#filesFetched,
        bytes_fetched: this.#bytesFetched,
      },
      seconds: { fetch_and_verify: seconds },
      failures: this.#failures,
      outputs: [assets],
      summary: [
        `${bricks - failed} of ${bricks} bricks are good in ${cache}`,
        `${kept} files were there, ${this.#filesFetched} were fetched (${megabytes} MB)`,
      ],
    };
  }
}
