/** Draws the rows of a plan: batches of all manifest columns, each row from its task_id alone. */
import { hash } from 'node:crypto';
import type { TableBatch } from '../../../io/table.ts';
import type { EinsteinRadiusConvention } from '../../../sky/conventions.ts';
import { lensParameters } from '../../../sky/lensing/parameters.ts';
import { NANOMAGGY_ZERO_POINT } from '../../../sky/photometry.ts';
import { MANIFEST_COLUMNS, type TaskValue } from '../columns.ts';
import { TaskDraws } from './draws.ts';
import { type Hosts, type Quantity, SPLITS } from './hosts.ts';
import { isothermalCriticalArea, type PlacementName, placeSource } from './placement.ts';
import type { RowPlan } from './plan.ts';
import { discRadii, drawNuisance, type Nuisance, type PriorName } from './priors.ts';
import { CONTROL_CONFIG, type HostSet, hostName, type Tier } from './sampling.ts';

/** What all rows of an experiment have in common. */
export interface Experiment {
  readonly id: string;
  readonly tier: Tier;
  readonly stampSize: number;
  readonly bandset: string;
  readonly hosts: Hosts;
  readonly sets: readonly HostSet[];
  readonly split: Uint8Array;
  readonly regionId: Int32Array;
  /** region_id is a HEALPix cell that decides the split. */
  readonly isHealpix: boolean;
  readonly psfBin: Int8Array;
  readonly depthBin: Int8Array;
  readonly prior: PriorName;
  readonly placement: PlacementName;
  readonly convention: EinsteinRadiusConvention;
  readonly hostConditioned: boolean;
  readonly seedBase: number;
  /** Share of paired controls: rows of any host, chosen by their own hash. 0 where controls have hosts of their own. */
  readonly pairedControlFrac: number;
  readonly pipelineVersion: string;
}

type Column = Int32Array | Float64Array | BigInt64Array | TaskValue[];

function emptyColumns(rows: number): Record<string, Column> {
  return Object.fromEntries(
    MANIFEST_COLUMNS.map(({ name, type, nullable }) => [
      name,
      nullable || type === 'string'
        ? new Array<TaskValue>(rows).fill(null)
        : type === 'int32'
          ? new Int32Array(rows)
          : type === 'int64'
            ? new BigInt64Array(rows)
            : new Float64Array(rows),
    ]),
  );
}

/** The first `rows` rows of columns. */
function cut(columns: Record<string, Column>, rows: number): TableBatch {
  const shortened = Object.entries(columns).map(([name, values]) => [
    name,
    values.length === rows ? values : Array.isArray(values) ? values.slice(0, rows) : values.subarray(0, rows),
  ]);
  return { rows, columns: Object.fromEntries(shortened) };
}

const known = (values: Float64Array | undefined, host: number): number | null => {
  const value = values?.[host] ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
};
const difference = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);

/** SHA-256 hex of experiment_id|selection_set_id|region_split|brickname|ra|dec|config_id|replicate, ra and dec to six decimals of degrees. */
export function taskIdOf(
  experimentId: string,
  setId: string,
  split: string,
  host: string,
  configId: string,
  replicate: number,
): string {
  return hash('sha256', `${experimentId}|${setId}|${split}|${host}|${configId}|${replicate}`);
}

const FROM_CATALOGUE = [
  'zmag',
  'w1mag',
  'psfsize_g',
  'psfsize_r',
  'psfsize_z',
  'psfdepth_r',
  'ebv',
] as const satisfies Quantity[];

/** Rows of a batch, and rows that could not be placed: their number in the plan and their task_id. */
export interface Drawn {
  readonly batch: TableBatch;
  readonly unplaced: readonly { readonly row: number; readonly taskId: string }[];
}

/** Draws rows `from .. to` of a plan. */
export function drawRows(experiment: Experiment, plan: RowPlan, from: number, to: number): Drawn {
  const { hosts, tier, sets } = experiment;
  const columns = emptyColumns(to - from);
  const unplaced: { row: number; taskId: string }[] = [];
  let at = 0;
  let lastHost = -1;
  let name = '';
  for (let row = from; row < to; row++) {
    const host = plan.host[row];
    if (host !== lastHost) {
      name = hostName(hosts, host);
      lastHost = host;
    }
    const set = sets[plan.set[row]];
    const split = SPLITS[experiment.split[host]];
    const isUnpaired = plan.config[row] === CONTROL_CONFIG;
    const configId = isUnpaired ? 'CONTROL' : tier.configs[plan.config[row]].configId;
    const taskId = taskIdOf(experiment.id, set.id, split, name, configId, plan.replicate[row]);
    const draws = new TaskDraws(taskId, experiment.seedBase);
    const isControl = isUnpaired || isPairedControl(experiment, draws);
    if (!isControl && !fillLens(columns, at, experiment, plan.config[row], host, draws)) {
      unplaced.push({ row, taskId });
      continue;
    }
    if (isControl) columns.lens_model[at] = 'CONTROL';
    columns.is_control[at] = isControl ? 1 : 0;
    columns.task_id[at] = taskId;
    columns.experiment_id[at] = experiment.id;
    columns.selection_set_id[at] = set.id;
    columns.selection_strategy[at] = set.strategy;
    columns.ranking_mode[at] = set.ranking;
    columns.region_split[at] = split;
    columns.config_id[at] = configId;
    columns.replicate[at] = plan.replicate[row];
    columns.task_seed64[at] = draws.seed64();
    fillHost(columns, at, experiment, host);
    at++;
  }
  for (const [column, value] of constantsOf(experiment)) columns[column].fill(value as never);
  return { batch: cut(columns, at), unplaced };
}

function constantsOf(experiment: Experiment): [string, TaskValue][] {
  return [
    ['stamp_size', experiment.stampSize],
    ['bandset', experiment.bandset],
    ['ab_zp_nmgy', NANOMAGGY_ZERO_POINT],
    ['pipeline_version', experiment.pipelineVersion],
    ['tier', experiment.tier.name],
    ['prior', experiment.prior],
  ];
}

/** Paired controls: rows of hosts that have positives as well. */
export function isPairedControl(experiment: Pick<Experiment, 'pairedControlFrac'>, draws: TaskDraws): boolean {
  return experiment.pairedControlFrac > 0 && draws.stream('control').uniform() < experiment.pairedControlFrac;
}

function fillHost(columns: Record<string, Column>, at: number, experiment: Experiment, host: number): void {
  const { hosts, psfBin, depthBin, regionId, isHealpix } = experiment;
  const { quantities } = hosts;
  columns.brickname[at] = hosts.bricks[hosts.brick[host]];
  columns.ra[at] = hosts.ra[host];
  columns.dec[at] = hosts.dec[host];
  columns.region_id[at] = regionId[host];
  columns.healpix[at] = isHealpix ? BigInt(regionId[host]) : null;
  columns.rmag[at] = hosts.rmag[host];
  for (const quantity of FROM_CATALOGUE) columns[quantity][at] = known(quantities[quantity], host);
  const zmag = columns.zmag[at] as number | null;
  const w1mag = columns.w1mag[at] as number | null;
  columns.rz[at] = known(quantities.rz, host) ?? difference(hosts.rmag[host], zmag);
  columns.zw1[at] = known(quantities.zw1, host) ?? difference(zmag, w1mag);
  columns.psf_bin[at] = psfBin[host] < 0 ? null : psfBin[host];
  columns.depth_bin[at] = depthBin[host] < 0 ? null : depthBin[host];
}

/** Draws lens and source of a positive; false where the placement has no area. */
function fillLens(
  columns: Record<string, Column>,
  at: number,
  experiment: Experiment,
  config: number,
  host: number,
  draws: TaskDraws,
): boolean {
  const { prior, hosts, convention } = experiment;
  const grid = experiment.tier.configs[config];
  const { shape_e1: e1, shape_e2: e2 } = hosts.quantities;
  const shape = experiment.hostConditioned && e1 !== undefined && e2 !== undefined ? { e1: e1[host], e2: e2[host] } : undefined;
  const drawn = drawNuisance(prior, grid, hosts.rmag[host], shape, draws);
  const model = drawn.lensE === 0 ? 'SIS' : 'SIE';
  const lens = lensParameters({
    model: model === 'SIS' ? 'sis' : 'sie',
    thetaEArcsec: grid.thetaEArcsec,
    thetaEConvention: convention,
    q: (1 - drawn.lensE) / (1 + drawn.lensE),
    phiRad: drawn.lensPhiRad,
    gamma1: drawn.shear * Math.cos(2 * drawn.shearPhiRad),
    gamma2: drawn.shear * Math.sin(2 * drawn.shearPhiRad),
  });
  const [inner, outer] = discRadii(prior);
  const radii = [inner * grid.thetaEArcsec, outer * grid.thetaEArcsec] as const;
  const placed = placeSource(lens, experiment.placement, radii, draws.stream('src_position'));
  if (placed === undefined) return false;
  columns.lens_model[at] = model;
  columns.theta_e_arcsec[at] = grid.thetaEArcsec;
  fillNuisance(columns, at, drawn);
  columns.src_x_arcsec[at] = placed.x;
  columns.src_y_arcsec[at] = placed.y;
  columns.n_images[at] = placed.images;
  columns.cross_section_weight[at] = placed.area;
  columns.theta_e_effective_arcsec[at] = Math.sqrt(isothermalCriticalArea(lens) / Math.PI);
  return true;
}

function fillNuisance(columns: Record<string, Column>, at: number, drawn: Nuisance): void {
  columns.src_dmag[at] = drawn.srcDmag;
  columns.src_reff_arcsec[at] = drawn.srcReffArcsec;
  columns.src_e[at] = drawn.srcE;
  columns.shear[at] = drawn.shear;
  columns.src_phi_rad[at] = drawn.srcPhiRad;
  columns.shear_phi_rad[at] = drawn.shearPhiRad;
  columns.src_gr[at] = drawn.srcGr;
  columns.src_rz[at] = drawn.srcRz;
  columns.lens_e[at] = drawn.lensE;
  columns.lens_phi_rad[at] = drawn.lensPhiRad;
  columns.src_n[at] = drawn.srcN;
  columns.src_mag_r[at] = drawn.srcMagR;
  columns.lens_x_arcsec[at] = drawn.lensXArcsec;
  columns.lens_y_arcsec[at] = drawn.lensYArcsec;
  columns.template_u[at] = drawn.templateU;
}
