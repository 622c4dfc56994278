/** First pass over a manifest that is given: the keys of its rows, checked, and the order they will be in. */

import { ArcletError } from '../../../core/errors.ts';
import type { TableBatch } from '../../../io/table.ts';
import type { InjectConfig } from '../config.ts';
import { digestKey } from './draws.ts';
import { Growing, growingFloats, Names } from './grow.ts';
import { SPLITS, type Split } from './hosts.ts';
import { placeFault } from './place.ts';
import { Rejected } from './rejected.ts';
import { type InputTable, numberAt, requireColumn, textAt } from './source.ts';

/** True for a table that has the columns of a manifest. */
export function isManifest(table: InputTable): boolean {
  return table.find('task_id') !== undefined && table.find('theta_e_arcsec') !== undefined;
}

/** Columns that have no neutral value. */
const NEEDED = [
  'task_id',
  'region_split',
  'brickname',
  'ra',
  'dec',
  'theta_e_arcsec',
  'src_dmag',
  'src_reff_arcsec',
  'src_x_arcsec',
  'src_y_arcsec',
] as const;

/** Rows of a given manifest that will be kept, in the order of the output, experiment by experiment. */
export interface GivenKeys {
  readonly experiments: readonly {
    readonly id: string;
    /** Rows of the input, in order of the output. */
    readonly order: Uint32Array;
  }[];
  /** Split and brick of every row of the input. */
  readonly split: Uint8Array;
  readonly brick: Uint32Array;
  /** Rows of the table. */
  readonly rows: number;
  readonly rejected: Rejected;
}

/**
 * Reads and checks the keys. Rows without a task_id or a position are left out and listed.
 *
 * @throws INPUT_INVALID when a column is missing or a task_id stands twice; CONFIG_INVALID when `experiment_id` is none of several experiments
 */
export async function readGivenKeys(table: InputTable, config: Pick<InjectConfig, 'experimentId'>): Promise<GivenKeys> {
  const missing = NEEDED.filter((name) => table.find(name) === undefined);
  if (missing.length > 0) {
    throw new ArcletError('INPUT_INVALID', `${table.location} is a manifest without ${missing.join(', ')}.`, {
      subject: table.location,
      remedy: 'Add the columns, or give a target list without task_id to plan new rows.',
      data: { missing },
    });
  }
  const name = (column: string) => requireColumn(table, column, column);
  const optional = ['experiment_id', 'config_id', 'replicate'].map((column) => table.find(column));
  const [experimentName, configName, replicateName] = optional;
  const columns = [...['task_id', 'region_split', 'brickname', 'ra', 'dec', 'theta_e_arcsec'].map(name), ...optional];
  const [idName, splitName, brickName, raName, decName, thetaName] = columns as string[];

  const rejected = new Rejected();
  const [experiments, bricks, configs] = [new Names(), new Names(), new Names()];
  const row = new Growing(new Uint32Array(0));
  const experiment = new Growing(new Uint16Array(0));
  const split = new Growing(new Uint8Array(0));
  const brick = new Growing(new Uint32Array(0));
  const [dec, ra, idHash] = [growingFloats(), growingFloats(), growingFloats()];
  const configOf = new Growing(new Uint32Array(0));
  const replicate = new Growing(new Uint16Array(0));
  const ownFault = (splitIndex: number, batch: TableBatch, index: number) => {
    if (splitIndex < 0) return 'split_unknown';
    return numberAt(batch.columns[thetaName], index) >= 0 ? undefined : 'theta_e_invalid';
  };
  let rows = 0;
  for await (const batch of table.batches(columns.filter((column) => column !== undefined))) {
    const text = (column: string | undefined, index: number) =>
      column === undefined ? '' : textAt(batch.columns[column], index);
    for (let index = 0; index < batch.rows; index++, rows++) {
      const id = text(idName, index);
      const brickname = text(brickName, index);
      const raDeg = numberAt(batch.columns[raName], index);
      const decDeg = numberAt(batch.columns[decName], index);
      const splitIndex = SPLITS.indexOf(text(splitName, index) as Split);
      split.push(Math.max(0, splitIndex));
      brick.push(bricks.number(brickname));
      const reason = id === '' ? 'task_id_missing' : (placeFault(brickname, raDeg, decDeg) ?? ownFault(splitIndex, batch, index));
      if (reason !== undefined) {
        rejected.add(rows, brickname, raDeg, decDeg, reason, id);
        continue;
      }
      row.push(rows);
      experiment.push(experiments.number(text(experimentName, index) || 'given'));
      dec.push(decDeg);
      ra.push(raDeg);
      configOf.push(configs.number(text(configName, index)));
      replicate.push(replicateName === undefined ? 0 : numberAt(batch.columns[replicateName], index));
      idHash.push(shortHash(id));
    }
  }
  await refuseDuplicates(table, idName, idHash.values());

  const brickRank = ranksOf(bricks.list);
  const configRank = ranksOf(configs.list);
  const keys = {
    row: row.values(),
    split: split.values(),
    brick: brick.values(),
    dec: dec.values(),
    ra: ra.values(),
    config: configOf.values(),
    replicate: replicate.values(),
  };
  const compare = (a: number, b: number) =>
    keys.split[keys.row[a]] - keys.split[keys.row[b]] ||
    brickRank[keys.brick[keys.row[a]]] - brickRank[keys.brick[keys.row[b]]] ||
    keys.dec[a] - keys.dec[b] ||
    keys.ra[a] - keys.ra[b] ||
    configRank[keys.config[a]] - configRank[keys.config[b]] ||
    keys.replicate[a] - keys.replicate[b] ||
    a - b;
  const own = experiment.values();
  const chosen = chooseGiven(experiments.list, config.experimentId);
  return {
    experiments: chosen.map(({ id, index }) => ({
      id,
      order: Uint32Array.from(own, (_, at) => at)
        .filter((at) => own[at] === index)
        .sort(compare)
        .map((at) => keys.row[at]),
    })),
    split: keys.split,
    brick: keys.brick,
    rows,
    rejected,
  };
}

/** Rank of each text among all of them. */
function ranksOf(texts: readonly string[]): Uint32Array {
  const order = Uint32Array.from(texts, (_, index) => index).sort((a, b) => (texts[a] < texts[b] ? -1 : 1));
  const rank = new Uint32Array(texts.length);
  order.forEach((text, place) => {
    rank[text] = place;
  });
  return rank;
}

function chooseGiven(ids: readonly string[], wanted: string | undefined): { id: string; index: number }[] {
  const all = ids.map((id, index) => ({ id, index }));
  if (wanted === undefined) return all;
  const named = all.filter(({ id }) => id === wanted);
  if (named.length > 0) return named;
  if (all.length === 1) return [{ id: wanted, index: 0 }];
  throw new ArcletError('CONFIG_INVALID', `experiment_id ${wanted} is none of the ${ids.length} experiments of the manifest.`, {
    subject: 'experiment_id',
    remedy: `Choose among ${ids.join(', ')}.`,
  });
}

/** 53 bits of SHA-256 of a text. */
function shortHash(text: string): number {
  const [low, high] = digestKey(text);
  return high * 2 ** 21 + (low >>> 11);
}

const NAMED_DUPLICATES = 5;

/** Hashes that stand twice point to ids that may; a second look at these ids decides. */
async function refuseDuplicates(table: InputTable, idName: string, hashes: Float64Array): Promise<void> {
  const sorted = hashes.slice().sort();
  const suspects = new Set(sorted.filter((value, index) => index > 0 && value === sorted[index - 1]));
  if (suspects.size === 0) return;
  const seen = new Set<string>();
  const twice = new Set<string>();
  for await (const batch of table.batches([idName])) {
    for (let index = 0; index < batch.rows; index++) {
      const id = textAt(batch.columns[idName], index);
      if (id === '' || !suspects.has(shortHash(id))) continue;
      if (seen.has(id)) twice.add(id);
      seen.add(id);
    }
  }
  if (twice.size === 0) return;
  const named = [...twice].slice(0, NAMED_DUPLICATES);
  throw new ArcletError(
    'INPUT_INVALID',
    `${table.location} has ${twice.size} task ids more than once, such as ${named.join(', ')}.`,
    {
      subject: table.location,
      remedy: 'Leave one row per task_id.',
      data: { duplicates: twice.size, examples: named },
    },
  );
}
