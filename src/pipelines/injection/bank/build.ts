/** Builds a bank: every candidate is read, examined and written or refused, one after the other; only one image is in memory. */
import { createHash } from 'node:crypto';
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import { PhiloxStream, philoxKey } from '../../../core/rng.ts';
import { throwIfAborted } from '../../../engine/batches.ts';
import { type Hdf5Writer, openHdf5, writeHdf5 } from '../../../io/hdf5.ts';
import type { Failure, StageContext, StageResult } from '../../stage.ts';
import { BuildTable } from './build-table.ts';
import type { Candidate } from './candidate.ts';
import { type BankConfig, required } from './config.ts';
import { examineStamp } from './examine.ts';
import { candidatesOf } from './inputs.ts';
import { type Accepted, type Measured, REASONS, type Reason, type Refusal, RULE_KEYS, refused } from './rules.ts';
import { examineGalaxy } from './sersic-template.ts';
import { FitsShelf } from './shelf.ts';

/** Templates that go to the library at once. */
const BATCH = 32;
const MOST_FAILURES = 100;
/** Reasons that speak of a damaged input, not of a galaxy that is no template. */
const FAULTS: readonly Reason[] = ['UNREADABLE', 'NO_IMAGE', 'NO_PIXSCALE'];

/** Builds the bank of a config and the table beside it, `<bank>.build.parquet`. */
export async function buildBank(context: StageContext, config: BankConfig): Promise<StageResult> {
  const bank = required(config, 'bank', 'bank build');
  const inputs = required(config, 'inputs', 'bank build');
  const shelf = new FitsShelf();
  try {
    const candidates: Candidate[] = [];
    for await (const candidate of candidatesOf(inputs, shelf, config)) candidates.push(candidate);
    const hash = buildHash(config, candidates);
    await context.record.note({ candidates: candidates.length, build_hash: hash });
    if (!context.force && (await builtWith(bank)) === hash) return alreadyThere(bank, candidates.length);
    return await new Build(context, config, bank, candidates, hash).run();
  } finally {
    await shelf.close();
  }
}

/** SHA-256 of what decides the bank: rules, choice, and the names of all candidates. What is in a file of the same name is not looked at. */
function buildHash(config: BankConfig, candidates: readonly Candidate[]): string {
  const { bank: _bank, inputs: _inputs, report: _report, sheetTemplates: _sheet, noiseTestStamps: _test, force: _force, ...deciding } = config; // biome-ignore format: one list
  const hash = createHash('sha256').update(JSON.stringify(deciding, Object.keys(deciding).sort()));
  for (const { source } of candidates) hash.update(`\n${source}`);
  return hash.digest('hex');
}

async function builtWith(bank: string): Promise<unknown> {
  try {
    const file = await openHdf5(bank);
    try {
      return file.attributes('/').build_hash;
    } finally {
      await file.close();
    }
  } catch (error) {
    // Not there, or no bank: it is built.
    if (isArcletError(error, 'INPUT_UNREADABLE') || isArcletError(error, 'INPUT_INVALID')) return undefined;
    throw error;
  }
}

const tableOf = (bank: string): string => `${bank}.build.parquet`;

function alreadyThere(bank: string, candidates: number): StageResult {
  return {
    outcome: 'done',
    counts: { candidates },
    outputs: [bank, tableOf(bank)],
    summary: [`${bank} is there, built from the same inputs by the same rules; --force builds it again.`],
  };
}

class Build {
  readonly #context: StageContext;
  readonly #config: BankConfig;
  readonly #bank: string;
  readonly #candidates: readonly Candidate[];
  readonly #hash: string;
  readonly #counts = new Map<string, number>();
  readonly #failures: Failure[] = [];
  /** What is kept of every template until the end: eight numbers and a name. */
  readonly #kept: { candidate: number; measured: Required<Measured> }[] = [];
  #pending: Float32Array[] = [];
  #readMs = 0;
  #examineMs = 0;

  constructor(context: StageContext, config: BankConfig, bank: string, candidates: readonly Candidate[], hash: string) {
    this.#context = context;
    this.#config = config;
    this.#bank = bank;
    this.#candidates = candidates;
    this.#hash = hash;
  }

  async run(): Promise<StageResult> {
    const started = performance.now();
    const table = await BuildTable.open(tableOf(this.#bank), { build_hash: this.#hash, bank: this.#bank });
    let finished = false;
    try {
      await writeHdf5(this.#bank, async (writer) => {
        await this.#examineAll(writer, table);
        // The table appears even when the bank cannot: it says why.
        await table.finish();
        finished = true;
        if (this.#kept.length === 0) throw this.#nothing();
        this.#describe(writer);
      });
    } catch (error) {
      if (!finished) await table.abort();
      throw error;
    }
    return this.#result((performance.now() - started) / 1000);
  }

  async #examineAll(writer: Hdf5Writer, table: BuildTable): Promise<void> {
    const { signal, log } = this.#context;
    const { nSources, stampSize, seed } = this.#config;
    const images = writer.growing('images', [stampSize, stampSize]);
    const flush = () => {
      for (const template of this.#pending) images.append(template);
      this.#pending = [];
    };
    const total = this.#candidates.length;
    const order = orderOf(total, nSources, seed);
    for (let done = 0; done < total; done++) {
      throwIfAborted(signal, done);
      const candidate = order[done];
      const { source } = this.#candidates[candidate];
      const isEnough = nSources > 0 && this.#kept.length >= nSources;
      const verdict = isEnough ? refused('NOT_NEEDED', REASONS.NOT_NEEDED) : await this.#examine(this.#candidates[candidate]);
      if ('template' in verdict) {
        await table.add({ candidate, source, template: this.#kept.length, measured: verdict.measured });
        this.#kept.push({ candidate, measured: verdict.measured });
        this.#pending.push(verdict.template);
        if (this.#pending.length >= BATCH) flush();
      } else {
        await table.add({ candidate, source, ...verdict });
        this.#count(source, verdict);
      }
      log.progress('galaxies', done + 1, total);
    }
    flush();
  }

  async #examine(candidate: Candidate): Promise<Accepted | Refusal> {
    const started = performance.now();
    let loaded: Awaited<ReturnType<Candidate['load']>>;
    try {
      loaded = await candidate.load();
    } catch (error) {
      if (!isArcletError(error)) throw error;
      return refused('UNREADABLE', error.message);
    } finally {
      this.#readMs += performance.now() - started;
    }
    const read = performance.now();
    try {
      if ('stamp' in loaded) return examineStamp(loaded.stamp, this.#config);
      return 'galaxy' in loaded ? examineGalaxy(loaded.galaxy, this.#config) : loaded;
    } finally {
      this.#examineMs += performance.now() - read;
    }
  }

  #count(source: string, { reason, detail }: Refusal): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    if (FAULTS.includes(reason) && this.#failures.length < MOST_FAILURES) {
      this.#failures.push({ subject: source, reason: `${reason}: ${detail}` });
    }
  }

  /** What stands in the bank beside the images. */
  #describe(writer: Hdf5Writer): void {
    const kept = this.#kept;
    const floats = (key: keyof Measured) => Float32Array.from(kept, ({ measured }) => measured[key]);
    writer.dataset(
      'meta/index',
      Int32Array.from(kept, ({ candidate }) => candidate),
    );
    writer.dataset('meta/hlr_arcsec', floats('hlrArcsec'));
    writer.dataset('meta/clumpiness', floats('clumpiness'));
    writer.dataset('meta/noise_sigma', floats('noiseSigma'));
    writer.dataset('meta/noise_correlation', floats('noiseCorrelation'));
    writer.dataset('meta/snr', floats('snr'));
    writer.dataset('meta/segment_area', floats('segmentAreaPx'));
    writer.dataset(
      'meta/flux',
      Float64Array.from(kept, ({ measured }) => measured.flux),
    );
    writer.dataset(
      'meta/source',
      kept.map(({ candidate }) => this.#candidates[candidate].source),
    );
    const config: Record<string, unknown> = { ...this.#config };
    const rules = Object.keys(RULE_KEYS).map((key) => [key, config[key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())]]); // biome-ignore format: one list
    writer.attribute('/', 'src_pixscale_arcsec', this.#config.srcPixscaleArcsec);
    writer.attribute('/', 'stamp_size', this.#config.stampSize, { whole: true });
    writer.attribute('/', 'created_utc', new Date().toISOString());
    writer.attribute('/', 'galaxy_kind', this.#kind());
    writer.attribute('/', 'arclet_version', this.#context.version);
    writer.attribute('/', 'config_hash', this.#context.record.configHash);
    writer.attribute('/', 'build_hash', this.#hash);
    writer.attribute('/', 'rules', JSON.stringify(Object.fromEntries(rules)));
    writer.attribute('/', 'n_candidates', this.#candidates.length, { whole: true });
    writer.attribute('/', 'seed', this.#config.seed, { whole: true });
    writer.attribute('meta/hlr_arcsec', 'unit', 'arcsec');
    writer.attribute('meta/segment_area', 'unit', 'pixel of the bank');
  }

  /** The originals' words: real galaxies, parametric ones. */
  #kind(): string {
    const noiseless = this.#kept.filter(({ measured }) => measured.noiseSigma === 0).length;
    return noiseless === 0 ? 'real' : noiseless === this.#kept.length ? 'parametric' : 'mixed';
  }

  #nothing(): ArcletError {
    const reasons = [...this.#counts].map(([reason, count]) => `${count} ${reason}`).join(', ');
    return new ArcletError(
      'BANK_EMPTY',
      `None of ${this.#candidates.length} inputs is a template: ${reasons || 'there are none'}.`,
      {
        subject: this.#bank,
        remedy: `See ${tableOf(this.#bank)} for each one's reason; change the inputs or the rules.`,
        data: Object.fromEntries(this.#counts),
      },
    );
  }

  #result(wallSeconds: number): StageResult {
    const faults = FAULTS.reduce((sum, reason) => sum + (this.#counts.get(reason) ?? 0), 0);
    const counts = [...this.#counts].sort(([, a], [, b]) => b - a);
    const seconds = { read: this.#readMs / 1000, examine: this.#examineMs / 1000 };
    return {
      outcome: faults > 0 ? 'failed-rows' : 'done',
      counts: { candidates: this.#candidates.length, templates: this.#kept.length, ...Object.fromEntries(counts) },
      seconds: { ...seconds, write: wallSeconds - seconds.read - seconds.examine },
      failures: this.#failures,
      outputs: [this.#bank, tableOf(this.#bank)],
      summary: [
        `${this.#kept.length} templates of ${this.#candidates.length} galaxies in ${this.#bank}`,
        ...counts.map(([reason, count]) => `${String(count).padStart(7)} ${reason}: ${REASONS[reason as Reason]}`),
      ],
    };
  }
}

/** The order of the inputs, or shuffled by the seed where not all are wanted (Fisher & Yates). */
function orderOf(total: number, wanted: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: total }, (_, at) => at);
  if (wanted === 0 || wanted >= total) return order;
  const stream = new PhiloxStream(philoxKey(seed));
  for (let at = total - 1; at > 0; at--) {
    const other = stream.integer(at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}
