/** Parts: the units of a campaign. A part is one row group of the manifest; it is written whole, carries the hash of the config that made it, and is skipped when it is there. */
import { createHash } from 'node:crypto';
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import { openParquet } from '../../../io/parquet.ts';
import { openStore, type Store } from '../../../io/store/store.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import type { BrickIdentities } from '../bricks/identity.ts';
import { type Dataset as DatasetName, datasetFolder, type LayoutConfig, partName } from '../layout.ts';

export interface Part {
  readonly experimentId: string;
  /** In the manifest, so in every shard and every rerun. */
  readonly number: number;
  readonly split: string;
  /** Bands by letter, the same in all rows of an experiment. */
  readonly bandset: string;
  readonly stampSize: number;
  /** Fewer than its row group has where a limit cuts it short: then the leading ones. */
  readonly rows: number;
  /** Where its rows are. */
  readonly source: DatasetPart;
  readonly rowGroup: number;
}

/** Keys in the metadata of a part's files: of the config that made it, and of the targets and templates that it was made from. */
export const HASH_KEY = 'config_hash';
export const INPUTS_KEY = 'inputs_hash';
/** Key of the bricks that a part's pixels were cut from: JSON, identity by name, of those that could be read. */
export const BRICKS_KEY = 'bricks';
/** Key of the limit, in parts of a run that was not to take the whole manifest. */
export const LIMIT_KEY = 'test_limit';

/** What a part must have been made of to be kept. */
export interface PartOrigin {
  readonly configHash: string;
  readonly inputsHash: string;
  /** Rows of an experiment that are asked for; 0 for all. A part made under a limit is another config's for a run without it. */
  readonly testLimit: number;
}

/** The parts of one experiment, in the order of its manifest; only row counts and three columns are read. Throws INPUT_INVALID when these differ where they must not. */
export async function planParts(experimentId: string, manifest: Dataset): Promise<Part[]> {
  const parts: Part[] = [];
  for (const source of manifest.parts) {
    await manifest.withPart(source, async (table) => {
      for (let rowGroup = 0; rowGroup < table.rowGroups.length; rowGroup++) {
        const { rows } = table.rowGroups[rowGroup];
        if (rows === 0) continue;
        const { columns } = await table.readRowGroup(rowGroup, ['region_split', 'bandset', 'stamp_size']);
        const group = `Row group ${rowGroup} of ${source.key}`;
        const split = oneValue(group, 'region_split', columns['region_split'] as readonly string[]);
        const bandset = oneValue(group, 'bandset', columns['bandset'] as readonly string[]);
        const stampSize = oneValue(group, 'stamp_size', columns['stamp_size'] as readonly number[]);
        // Stamps of one experiment have one shape and one set of columns.
        const first = parts[0] ?? { bandset, stampSize };
        oneValue(`Experiment ${experimentId}`, 'bandset', [first.bandset, bandset]);
        oneValue(`Experiment ${experimentId}`, 'stamp_size', [first.stampSize, stampSize]);
        parts.push({
          experimentId,
          number: parts.length,
          split,
          bandset,
          stampSize,
          rows,
          source,
          rowGroup,
        });
      }
    });
  }
  return parts;
}

/** The value that a column has in all rows. Throws INPUT_INVALID when it has several. */
function oneValue<T extends string | number>(where: string, column: string, values: ArrayLike<T>): T {
  const first = values[0];
  for (let row = 1; row < values.length; row++) {
    if (values[row] === first) continue;
    throw new ArcletError('INPUT_INVALID', `${where} mixes rows of ${column} ${first} and ${values[row]}.`, {
      subject: column,
      remedy:
        'Give rows of another stamp size or other bands an experiment_id of their own, and plan the manifest again with --force.',
    });
  }
  return first;
}

/** What is finished already. */
export class PartStatus {
  readonly #config: LayoutConfig;
  readonly #origin: PartOrigin;
  readonly #wanted: readonly DatasetName[];
  readonly #bricks: BrickIdentities;
  /** Parts that are there and cannot be read, by address: they are missing. */
  readonly damaged: string[] = [];

  constructor(config: LayoutConfig, origin: PartOrigin, metricsOnly: boolean, bricks: BrickIdentities) {
    this.#config = config;
    this.#origin = origin;
    this.#bricks = bricks;
    this.#wanted = metricsOnly ? ['metrics'] : ['metrics', 'stamps'];
  }

  /**
   * Those of `parts` that are not there yet or were cut off or damaged since; with `force` all of them. Throws CONFIG_INVALID when something else is there, of another config,
   * of survey pixels that have changed or of another cut of the rows: a dataset is never a mixture. With `force` a part that `all`, the whole plan, does not name is taken away, because
   * nothing would overwrite it.
   */
  async missing(all: readonly Part[], parts: readonly Part[], force: boolean): Promise<Part[]> {
    if (parts.length === 0) return [];
    const missing = new Set<Part>(force ? parts : []);
    const planned = new Set(all.map(({ split, number }) => partName(split, number)));
    for (const dataset of this.#wanted) {
      const folder = datasetFolder(this.#config, dataset, parts[0].experimentId);
      const store = await openStore(folder);
      try {
        const there = new Set<string>();
        for await (const { key } of store.list()) there.add(key);
        for (const key of there) {
          if (!PART_KEY.test(key) || planned.has(key)) continue;
          const limit = this.#origin.testLimit > 0 ? ` under test_limit ${this.#origin.testLimit}` : '';
          if (!force) throw strange(`${folder}/${key}`, `is no part of this manifest${limit}`);
          await store.delete(key);
        }
        if (force) continue;
        for (const part of parts) {
          const key = partName(part.split, part.number);
          if (!there.has(key)) missing.add(part);
          else if (!(await this.#isWhole(store, folder, key, part))) missing.add(part);
        }
      } finally {
        await store.close();
      }
    }
    // In the order of the manifest.
    return parts.filter((part) => missing.has(part));
  }

  /** False for a file that is no whole table: parts appear whole, so something else has cut it since. Throws CONFIG_INVALID for another part. */
  async #isWhole(store: Store, folder: string, key: string, part: Part): Promise<boolean> {
    const source = await store.source(key);
    try {
      const table = await openParquet(source).catch((error: unknown) => {
        if (isArcletError(error, 'INPUT_INVALID')) return undefined;
        throw error;
      });
      if (table === undefined) {
        this.damaged.push(`${folder}/${key}`);
        return false;
      }
      const { schema, rows } = table;
      const { configHash, inputsHash } = this.#origin;
      const why =
        schema.metadata?.[HASH_KEY] !== configHash
          ? 'was made with another config'
          : schema.metadata?.[INPUTS_KEY] !== inputsHash
            ? 'was made from other targets or templates'
            : rows !== part.rows
              ? `holds ${rows} rows and ${part.rows} are asked for`
              : await this.#changedBrick(schema.metadata?.[BRICKS_KEY]);
      if (why === undefined) return true;
      throw strange(`${folder}/${key}`, why, { found: schema.metadata, wanted: this.#origin });
    } finally {
      await source.close();
    }
  }

  /** Says which brick is not the one that a part was cut from. A brick that cannot be read, then or now, proves nothing: caches are emptied. */
  async #changedBrick(recorded: string | undefined): Promise<string | undefined> {
    if (recorded === undefined) return undefined;
    const then = JSON.parse(recorded) as Record<string, string>;
    const now = await this.#bricks.ofAll(Object.keys(then));
    const changed = Object.keys(then).find((brick) => now[brick] !== undefined && now[brick] !== then[brick]);
    return changed === undefined ? undefined : `was made from other survey pixels: brick ${changed} has changed since`;
  }
}

/** Files that are parts; what else lies in the folder is nobody's business here. */
const PART_KEY = /^region_split=[^/]+\/part-\d+\.parquet$/;

function strange(location: string, why: string, data?: Record<string, unknown>): ArcletError {
  return new ArcletError('CONFIG_INVALID', `${location} ${why}.`, {
    subject: location,
    remedy: 'Choose another variant, or overwrite what is there with --force.',
    data,
  });
}

/** Bands of a bandset, in the order of the config. */
export function bandsOf(bandset: string, bands: readonly string[]): string[] {
  const own = bands.filter((band) => bandset.includes(band));
  return own.length === 0 ? [...bands] : own;
}

/** One SHA-256 of several checksums, whatever their order: the names of files may change, what is in them not. */
export function hashOfInputs(checksums: readonly string[]): string {
  return createHash('sha256').update(checksums.toSorted().join(' ')).digest('hex');
}
