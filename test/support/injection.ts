/** Tasks, recipes and survey pixels for tests of the injection pipeline. */

import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { nodeEnvironment } from '../../src/index.ts';
import type { BrickReader, Cutouts } from '../../src/pipelines/injection/bricks/reader.ts';
import { MANIFEST_COLUMNS, type Task, type TaskValue } from '../../src/pipelines/injection/columns.ts';
import { type InjectConfig, InjectConfigSchema } from '../../src/pipelines/injection/config.ts';
import { Injector } from '../../src/pipelines/injection/inject/injector.ts';
import { recipeOf } from '../../src/pipelines/injection/inject/recipe.ts';
import { openTestGpu } from './gpu.ts';

/** A checked config of these keys. */
export function configOf(keys: Record<string, unknown> = {}): InjectConfig {
  return InjectConfigSchema.parse(keys);
}

/** A row of the manifest; what is not given is a plain SIE and an exponential source. `n` makes rows differ. */
export function taskOf(n: number, values: Record<string, TaskValue> = {}): Task {
  const nothing = Object.fromEntries(MANIFEST_COLUMNS.map(({ name }) => [name, null as TaskValue]));
  return {
    ...nothing,
    task_id: n.toString(16).padStart(64, '0'),
    experiment_id: 'debug_stamp64_bandsgrz_gridgrid_small',
    selection_set_id: 'all',
    region_id: 1,
    region_split: 'train',
    brickname: '0000p000',
    ra: 0,
    dec: 0,
    rmag: 19,
    config_id: 'c',
    theta_e_arcsec: 1,
    src_dmag: 2,
    src_reff_arcsec: 0.15,
    src_e: 0.3,
    shear: 0.03,
    stamp_size: 64,
    bandset: 'grz',
    replicate: 0,
    is_control: 0,
    task_seed64: BigInt(n) * 0x9e3779b97f4a7n,
    src_x_arcsec: 0.1,
    src_y_arcsec: -0.05,
    src_phi_rad: 0.4,
    shear_phi_rad: 1.1,
    src_gr: 0.2,
    src_rz: 0.1,
    lens_model: 'SIE',
    lens_e: 0.2,
    lens_phi_rad: 0.7,
    ab_zp_nmgy: 22.5,
    pipeline_version: 'test',
    tier: 'debug',
    prior: 'dhs_gen5',
    src_n: 1,
    src_mag_r: 21,
    lens_x_arcsec: 0,
    lens_y_arcsec: 0,
    template_u: 0,
    cross_section_weight: 1,
    ...values,
  } as unknown as Task;
}

export interface SkyOptions {
  /** Standard deviation of the sky, nanomaggies per pixel. */
  readonly sigma?: number;
  readonly psfsize?: number;
  /** Target in the stamp, px. */
  readonly host?: readonly [number, number];
  /** Changes the cutouts of a request. */
  readonly change?: (cutouts: Cutouts, brick: string) => void;
}

/** A reader whose every stamp is sky noise, the same for a target whatever is asked for beside it. */
export function skyReader(
  bands: readonly string[],
  { sigma = 0.02, psfsize = 1.3, host = [32.3, 31.8], change }: SkyOptions = {},
): BrickReader {
  return {
    async cutouts(brick, targets, size) {
      const count = targets.length;
      const cube = bands.length * size * size;
      const image = new Float32Array(count * cube);
      targets.forEach(({ raDeg, decDeg }, index) => {
        const stream = new PhiloxStream(philoxKey(Math.round(1e6 * (raDeg + 400) + 1e3 * (decDeg + 90))));
        for (let at = 0; at < cube; at++) image[index * cube + at] = sigma * stream.normal();
      });
      const cutouts: Cutouts = {
        size,
        bands,
        count,
        x: new Float64Array(count).fill(1000 + host[0]),
        y: new Float64Array(count).fill(1000 + host[1]),
        x0: new Int32Array(count).fill(1000),
        y0: new Int32Array(count).fill(1000),
        image,
        invvar: new Float32Array(count * cube).fill(1 / sigma ** 2),
        mask: new Uint32Array(count * size * size),
        inside: new Uint8Array(count).fill(1),
        finite: new Uint8Array(count).fill(1),
        reason: new Array(count).fill(undefined),
        psfsize: new Float64Array(count * bands.length).fill(psfsize),
        report: { bytes: 0, tiles: 0, readSeconds: 0, decodeSeconds: 0 },
      };
      change?.(cutouts, brick);
      return cutouts;
    },
    async close() {},
  };
}

/** Runs `use` with an injector over a sky reader, in this thread. */
export async function withInjector<T>(
  keys: Record<string, unknown>,
  sky: SkyOptions,
  use: (injector: Injector) => Promise<T>,
  engineOptions: Parameters<typeof openEngine>[0] = { backend: 'cpu', workers: 0 },
): Promise<T> {
  const recipe = recipeOf(configOf(keys));
  const engine = await openEngine(engineOptions, { ...nodeEnvironment, openGpu: () => openTestGpu() });
  try {
    return await use(new Injector({ engine, recipe, reader: skyReader(recipe.bands, sky) }));
  } finally {
    await engine.close();
  }
}
