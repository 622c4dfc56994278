/** A manifest that is given as targets: taken as it is, checked, put in order, with neutral values for the columns that it lacks. */
import { throwIfAborted } from '../../../engine/batches.ts';
import type { TableBatch } from '../../../io/table.ts';
import { CONVENTION_PRESETS, type EinsteinRadiusConvention } from '../../../sky/conventions.ts';
import { lensParameters } from '../../../sky/lensing/parameters.ts';
import { NANOMAGGY_ZERO_POINT } from '../../../sky/photometry.ts';
import type { StageContext } from '../../stage.ts';
import { MANIFEST_COLUMNS, type TaskValue } from '../columns.ts';
import { type InjectConfig, TIERS } from '../config.ts';
import { bandsetsOf } from './campaign.ts';
import { TaskDraws } from './draws.ts';
import type { GivenKeys } from './given-keys.ts';
import { imagesAt, isothermalCriticalArea } from './placement.ts';
import { groupRows, withinLimit } from './plan.ts';
import type { InputTable } from './source.ts';

/** Rows that are in memory at once; the input is read again where the next ones are not behind these. */
const WINDOW_ROWS = 500_000;

type Row = Record<string, TaskValue>;

/** Batches of one experiment, each a row group; the input is read once when it is in order, else once per 500 000 rows. */
export async function* givenBatches(
  context: StageContext,
  config: InjectConfig,
  table: InputTable,
  keys: GivenKeys,
  experiment: GivenKeys['experiments'][number],
): AsyncGenerator<TableBatch> {
  const { order: whole } = experiment;
  const kept = withinLimit(whole.length, (place) => keys.split[whole[place]], config.testLimit);
  const order = whole.filter((_, place) => kept[place] === 1);
  const position = new Int32Array(keys.rows).fill(-1);
  order.forEach((row, place) => {
    position[row] = place;
  });
  const groups = groupRows(
    order.length,
    (place) => keys.split[order[place]],
    (place) => keys.brick[order[place]],
    config.partRows,
  );
  const present = MANIFEST_COLUMNS.flatMap(({ name, type }) => {
    const inFile = table.find(name);
    return inFile === undefined ? [] : [{ name, type, inFile }];
  });
  const neutral = neutralValues(experiment.id, config);
  const open = (rows: number) => present.map(({ name, type, inFile }) => ({ name, inFile, values: emptyStore(type, rows) }));
  let group = 0;
  let window = windowFrom(groups, group);
  let stores = open(window.to - window.from);
  let filled = 0;
  while (group < groups.length) {
    let read = 0;
    for await (const batch of table.batches(present.map(({ inFile }) => inFile))) {
      throwIfAborted(context.signal, window.from);
      for (let index = 0; index < batch.rows; index++) {
        const place = position[read + index];
        if (place < window.from || place >= window.to) continue;
        for (const { inFile, values } of stores) store(values, place - window.from, batch.columns[inFile]?.[index]);
        if (++filled < window.to - window.from) continue;
        for (; group < window.lastGroup; group++) {
          const { from, to } = groups[group];
          const rows = Array.from({ length: to - from }, (_, at) => rowOf(stores, from - window.from + at));
          yield batchOf(rows, experiment.id, neutral);
        }
        context.log.progress(`rows of ${experiment.id}`, window.to, order.length);
        window = windowFrom(groups, group);
        stores = open(window.to - window.from);
        filled = 0;
      }
      read += batch.rows;
    }
  }
}

type Store = Float64Array | TaskValue[];

/** Numbers of one column of a window, NaN where there are none; other values as they are. */
function emptyStore(type: string, rows: number): Store {
  return type === 'float64' || type === 'int32' ? new Float64Array(rows).fill(Number.NaN) : new Array<TaskValue>(rows).fill(null);
}

function store(values: Store, at: number, value: unknown): void {
  if (value === null || value === undefined || value === '') return;
  values[at] = values instanceof Float64Array ? Number(value) : (value as TaskValue);
}

/** One row of a window; what is missing is null. */
function rowOf(stores: readonly { readonly name: string; readonly values: Store }[], at: number): Row {
  const row: Row = {};
  for (const { name, values } of stores) {
    const value = values[at];
    row[name] = typeof value === 'number' && Number.isNaN(value) ? null : value;
  }
  return row;
}

function windowFrom(
  groups: readonly { from: number; to: number }[],
  first: number,
): { from: number; to: number; lastGroup: number } {
  if (first >= groups.length) return { from: 0, to: 0, lastGroup: first };
  const { from } = groups[first];
  let last = first + 1;
  while (last < groups.length && groups[last].to - from <= WINDOW_ROWS) last++;
  return { from, to: groups[last - 1].to, lastGroup: last };
}

/** What a column that is not there is taken to be, from the row itself. */
type Neutral = (row: Row) => void;

const numberOf = (value: TaskValue | undefined): number => (value === null || value === undefined ? Number.NaN : Number(value));

/** Fills a row in the order in which one value needs another. */
function neutralValues(experimentId: string, config: InjectConfig): Neutral {
  const convention = config.thetaEConvention ?? CONVENTION_PRESETS[config.conventions].thetaE;
  const tier = TIERS.find((name) => experimentId.startsWith(`${name}_`)) ?? 'train';
  const constants: Row = {
    selection_set_id: 'all',
    region_id: -1,
    config_id: '',
    src_e: 0,
    shear: 0,
    stamp_size: config.stampSizes[0],
    bandset: bandsetsOf(config)[0],
    replicate: 0,
    src_phi_rad: 0,
    shear_phi_rad: 0,
    src_gr: 0,
    src_rz: 0,
    lens_e: 0,
    lens_phi_rad: 0,
    ab_zp_nmgy: NANOMAGGY_ZERO_POINT,
    pipeline_version: 'given',
    tier,
    prior: 'given',
    lens_x_arcsec: 0,
    lens_y_arcsec: 0,
    template_u: 0,
  };
  return (row) => {
    for (const [name, value] of Object.entries(constants)) row[name] ??= value;
    const isControl =
      row.is_control === undefined || row.is_control === null ? row.lens_model === 'CONTROL' : Number(row.is_control) === 1;
    row.is_control = isControl ? 1 : 0;
    row.lens_model ??= isControl ? 'CONTROL' : Number(row.lens_e) === 0 ? 'SIS' : 'SIE';
    row.src_n ??= isControl ? 0 : 1;
    row.task_seed64 ??= new TaskDraws(String(row.task_id), config.seedBase).seed64();
    row.cross_section_weight ??= Math.PI * (0.8 * Number(row.theta_e_arcsec)) ** 2;
    if (isControl) return;
    const magnitude = numberOf(row.rmag) + Number(row.src_dmag);
    if (Number.isFinite(magnitude)) row.src_mag_r ??= magnitude;
    if (numberOf(row.n_images) >= 0 && numberOf(row.theta_e_effective_arcsec) >= 0) return;
    fillImages(row, convention);
  };
}

function fillImages(row: Row, convention: EinsteinRadiusConvention): void {
  const [shear, phi, e] = [Number(row.shear), Number(row.shear_phi_rad), Number(row.lens_e)];
  if (!(Number(row.theta_e_arcsec) > 0 && shear < 1 && e < 1)) return;
  const lens = lensParameters({
    model: e === 0 ? 'sis' : 'sie',
    thetaEArcsec: Number(row.theta_e_arcsec),
    thetaEConvention: convention,
    q: (1 - e) / (1 + e),
    phiRad: Number(row.lens_phi_rad),
    gamma1: shear * Math.cos(2 * phi),
    gamma2: shear * Math.sin(2 * phi),
  });
  row.n_images ??= imagesAt(lens, Number(row.src_x_arcsec), Number(row.src_y_arcsec));
  row.theta_e_effective_arcsec ??= Math.sqrt(isothermalCriticalArea(lens) / Math.PI);
}

function batchOf(rows: readonly Row[], experimentId: string, neutral: Neutral): TableBatch {
  for (const row of rows) {
    neutral(row);
    row.experiment_id = experimentId;
  }
  const columns = MANIFEST_COLUMNS.map(({ name, type, nullable }) => {
    const values = rows.map((row): TaskValue => {
      const value = row[name] ?? null;
      if (value === null) return type === 'string' || nullable ? null : type === 'int64' ? 0n : Number.NaN;
      if (type === 'string') return String(value);
      if (type === 'int64') return BigInt(value);
      return nullable && Number.isNaN(Number(value)) ? null : Number(value);
    });
    return [name, values] as const;
  });
  return { rows: rows.length, columns: Object.fromEntries(columns) };
}
