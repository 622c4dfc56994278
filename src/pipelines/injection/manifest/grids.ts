/** Grids of injection parameters, as the originals cross and name them. */
import { ArcletError } from '../../../core/errors.ts';
import type { InjectConfig } from '../config.ts';

export interface GridAxes {
  readonly thetaEArcsec: readonly number[];
  readonly srcDmag: readonly number[];
  readonly srcReffArcsec: readonly number[];
  readonly srcE: readonly number[];
  readonly shear: readonly number[];
}

/** One point of a grid. */
export interface GridConfig {
  readonly configId: string;
  readonly thetaEArcsec: number;
  readonly srcDmag: number;
  readonly srcReffArcsec: number;
  readonly srcE: number;
  readonly shear: number;
}

export const GRIDS: Readonly<Record<'grid_small' | 'grid_medium' | 'grid_full' | 'grid_sota', GridAxes>> = {
  grid_small: {
    thetaEArcsec: [0.3, 0.6, 1.0],
    srcDmag: [1, 2],
    srcReffArcsec: [0.08, 0.15],
    srcE: [0, 0.3],
    shear: [0, 0.03],
  },
  grid_medium: {
    thetaEArcsec: [0.25, 0.35, 0.5, 0.8, 1.2],
    srcDmag: [0.5, 1, 1.5, 2],
    srcReffArcsec: [0.05, 0.1, 0.2],
    srcE: [0, 0.2, 0.4],
    shear: [0, 0.03],
  },
  grid_full: {
    thetaEArcsec: [0.2, 0.25, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6],
    srcDmag: [0.25, 0.5, 0.75, 1, 1.5, 2, 2.5],
    srcReffArcsec: [0.04, 0.06, 0.08, 0.12, 0.18, 0.25],
    srcE: [0, 0.2, 0.4],
    shear: [0, 0.02, 0.04],
  },
  grid_sota: {
    thetaEArcsec: [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5],
    srcDmag: [0.5, 1, 1.5, 2],
    srcReffArcsec: [0.06, 0.1, 0.15, 0.2],
    srcE: [0, 0.2, 0.4],
    shear: [0, 0.02, 0.04],
  },
};

/** A number as C's `%g` and Python's `:g` print it: six significant digits, no trailing zeros. */
export function formatG(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const exponent = Number(value.toExponential(5).split('e')[1]);
  if (exponent >= -4 && exponent < 6) {
    const text = value.toFixed(5 - exponent);
    return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  }
  const [mantissa] = value.toExponential(5).split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return `${trimmed}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** Every point of a grid: product in the order theta, dmag, reff, e, shear (the last runs fastest), numbered from 1. */
export function gridConfigs(name: string, axes: GridAxes): GridConfig[] {
  const points = axes.thetaEArcsec.flatMap((thetaEArcsec) =>
    axes.srcDmag.flatMap((srcDmag) =>
      axes.srcReffArcsec.flatMap((srcReffArcsec) =>
        axes.srcE.flatMap((srcE) => axes.shear.map((shear) => ({ thetaEArcsec, srcDmag, srcReffArcsec, srcE, shear }))),
      ),
    ),
  );
  return points.map((point, index) => {
    const { thetaEArcsec, srcDmag, srcReffArcsec, srcE, shear } = point;
    const number = String(index + 1).padStart(4, '0');
    const values = `te${formatG(thetaEArcsec)}_dm${formatG(srcDmag)}_rf${formatG(srcReffArcsec)}_e${formatG(srcE)}_sh${formatG(shear)}`;
    return { configId: `${name}_${number}_${values}`, ...point };
  });
}

/** The grid that a config names, in order of config_id. Throws CONFIG_INVALID for `custom` without `custom_grid`. */
export function gridOf(config: InjectConfig, name: InjectConfig['gridTrain']): GridConfig[] {
  const axes = name === 'custom' ? config.customGrid : GRIDS[name];
  if (axes === undefined) {
    throw new ArcletError('CONFIG_INVALID', 'A tier has the grid custom, and custom_grid is not there.', {
      subject: 'custom_grid',
      remedy: 'Give custom_grid with its axes, or name another grid.',
    });
  }
  return gridConfigs(name, axes).sort((a, b) => (a.configId < b.configId ? -1 : 1));
}
