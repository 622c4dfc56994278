/**
 * The `Source` struct: one light component of a row, from the user's terms to the numbers that the kernels read.
 */
import { ArcletError } from '../src/core/errors.ts';
import type { Columns } from '../src/engine/kernel.ts';
import { struct } from '../src/gpu/layout.ts';
import type { BnConvention, HalfLightConvention } from '../src/sky/conventions.ts';
import { sersicFluxWithin, sersicScale } from '../src/sky/profiles/sersic.ts';

import type { SourceParameters } from './render-lensed/light.ts';

export type { SourceParameters } from './render-lensed/light.ts';

export const SOURCE_KIND = { none: 0, sersic: 1, template: 2 } as const;

/** Fields of {@link SourceParameters}; lengths arcsec. */
export const SOURCE_LAYOUT = struct('Source', {
  kind: 'u32',
  bank_index: 'u32',
  x: 'f32',
  y: 'f32',
  cos_phi: 'f32',
  sin_phi: 'f32',
  inv_u: 'f32',
  inv_v: 'f32',
  bn: 'f32',
  inv_n: 'f32',
  amplitude: 'f32',
  peak_flux: 'f32',
  peak: 'f32',
});

const FIELDS: readonly (readonly [column: string, parameter: keyof SourceParameters])[] = [
  ['kind', 'kind'],
  ['bank_index', 'bankIndex'],
  ['x', 'x'],
  ['y', 'y'],
  ['cos_phi', 'cosPhi'],
  ['sin_phi', 'sinPhi'],
  ['inv_u', 'invU'],
  ['inv_v', 'invV'],
  ['bn', 'bn'],
  ['inv_n', 'invN'],
  ['amplitude', 'amplitude'],
  ['peak_flux', 'peakFlux'],
  ['peak', 'peak'],
];

/** One float64 column per field, component after component. */
export function sourceColumns(sources: readonly SourceParameters[]): Columns {
  const columns: Columns = {};
  for (const [column, parameter] of FIELDS) columns[column] = Float64Array.from(sources, (source) => source[parameter]);
  return columns;
}

/** The component at `index`: the inverse of {@link sourceColumns}. */
export function sourceAt(columns: Columns, index: number): SourceParameters {
  const source = {} as SourceParameters;
  for (const [column, parameter] of FIELDS) source[parameter] = columns[column][index];
  return source;
}

export interface SersicDescription {
  n: number;
  rEffArcsec: number;
  rEffConvention?: HalfLightConvention;
  bnConvention?: BnConvention;
  q: number;
  phiRad: number;
  xArcsec: number;
  yArcsec: number;
}

/** Profiles with an edge (n < 1/2) or with most of their light in faint wings (n > 4) have errors of one sign: half the tolerance keeps their flux. */
const EXTREME_SHARE = 0.5;

/** A Sersic component of unit total flux; `pixscaleArcsec` is that of the stamp. */
export function sersicSource(description: SersicDescription, pixscaleArcsec: number): SourceParameters {
  const { n, q, phiRad, bnConvention = 'exact', rEffConvention = 'major' } = description;
  const scale = sersicScale(n, description.rEffArcsec, q, rEffConvention, bnConvention);
  const pixelRadius = pixscaleArcsec / Math.sqrt(Math.PI) / (scale.majorRadius * Math.sqrt(q));
  return {
    kind: SOURCE_KIND.sersic,
    x: description.xArcsec,
    y: description.yArcsec,
    cosPhi: Math.cos(phiRad),
    sinPhi: Math.sin(phiRad),
    invU: 1 / scale.majorRadius,
    invV: 1 / (scale.majorRadius * q),
    bn: scale.bn,
    invN: 1 / n,
    amplitude: scale.centralBrightness,
    peakFlux: sersicFluxWithin(pixelRadius, n, bnConvention) * (n < 0.5 || n > 4 ? EXTREME_SHARE : 1),
    bankIndex: 0,
    peak: 0,
  };
}

export interface TemplateDescription {
  template: number;
  templatePixscaleArcsec: number;
  xArcsec: number;
  yArcsec: number;
  phiRad?: number;
}

/** A bank of square templates, `side`^2 each, one after the other. */
export interface TemplateBank {
  readonly images: Float32Array | Float64Array;
  readonly side: number;
}

/** Checks a bank and returns how many templates it holds. */
export function bankCount(bank: TemplateBank): number {
  const area = bank.side * bank.side;
  const count = bank.images.length / area;
  if (bank.images.length === 0 || area === 0) {
    throw new ArcletError('BANK_EMPTY', 'the template bank holds no template', {
      remedy: 'give a bank with at least one square image',
    });
  }
  if (!Number.isInteger(count)) {
    throw new ArcletError(
      'INPUT_INVALID',
      `the bank holds ${bank.images.length} values, not a whole number of ${bank.side} x ${bank.side} templates`,
    );
  }
  return count;
}

/** A template component of unit total flux, bilinear between template pixels, zero outside. */
export function templateSource(description: TemplateDescription, bank: TemplateBank, pixscaleArcsec: number): SourceParameters {
  const count = bankCount(bank);
  const { template, templatePixscaleArcsec: step, phiRad = 0 } = description;
  if (!(Number.isInteger(template) && template >= 0 && template < count)) {
    throw new ArcletError('INPUT_INVALID', `template ${template} is not in the bank of ${count}`, {
      subject: `template ${template}`,
    });
  }
  const { side } = bank;
  const image = bank.images.subarray(template * side * side, (template + 1) * side * side);
  let sum = 0;
  let peak = 0;
  for (const value of image) {
    if (!Number.isFinite(value)) throw new ArcletError('INPUT_INVALID', `template ${template} holds a value that is not finite`);
    sum += value;
    peak = Math.max(peak, value);
  }
  if (!(sum > 0)) throw new ArcletError('INPUT_INVALID', `template ${template} sums to ${sum}; a source needs positive flux`);
  return {
    kind: SOURCE_KIND.template,
    x: description.xArcsec,
    y: description.yArcsec,
    cosPhi: Math.cos(phiRad),
    sinPhi: Math.sin(phiRad),
    invU: 1 / step,
    invV: 1 / step,
    bn: 0,
    invN: 1,
    amplitude: 1 / (sum * step * step),
    peakFlux: brightestBox(image, side, Math.max(1, Math.round(pixscaleArcsec / step))) / sum,
    bankIndex: template,
    peak,
  };
}

/** Largest sum in a box of `across` template pixels: the flux of the stamp pixel that holds the brightest part. */
function brightestBox(image: ArrayLike<number>, side: number, across: number): number {
  const width = Math.min(across, side);
  const integral = new Float64Array((side + 1) * (side + 1));
  for (let y = 0; y < side; y++) {
    let row = 0;
    for (let x = 0; x < side; x++) {
      row += image[y * side + x];
      integral[(y + 1) * (side + 1) + x + 1] = integral[y * (side + 1) + x + 1] + row;
    }
  }
  let best = 0;
  for (let y = 0; y + width <= side; y++) {
    for (let x = 0; x + width <= side; x++) {
      const at = (yy: number, xx: number): number => integral[yy * (side + 1) + xx];
      best = Math.max(best, at(y + width, x + width) - at(y, x + width) - at(y + width, x) + at(y, x));
    }
  }
  return best;
}

/** A component that gives no light, for rows with fewer components than the batch. */
export const NO_SOURCE: SourceParameters = {
  kind: SOURCE_KIND.none,
  x: 0,
  y: 0,
  cosPhi: 1,
  sinPhi: 0,
  invU: 1,
  invV: 1,
  bn: 1,
  invN: 1,
  amplitude: 0,
  peakFlux: 1,
  bankIndex: 0,
  peak: 0,
};
