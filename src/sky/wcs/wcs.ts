/** One world coordinate system: pixels <-> sky, and every axis <-> every axis. Made by `wcsFromHeader`. */
import { ArcletError } from '../../core/errors.ts';
import type { AxisType, CelestialFrame } from './axes.ts';
import type { CelestialTransform } from './celestial.ts';
import {
  type AxisColumns,
  mapColumns,
  type PixelColumns,
  POINT_NOT_CONVERGED,
  POINT_OK,
  POINT_OUTSIDE,
  type SkyColumns,
} from './columns.ts';
import type { Distortion } from './distortion/distortion.ts';
import type { Linear } from './linear.ts';
import type { AxisTransform } from './spectral.ts';

/** One axis of the world, with the unit of its numbers here. */
export interface WorldAxis extends AxisType {
  kind: 'longitude' | 'latitude' | 'spectral' | 'linear';
  /** 'deg', an SI unit of a spectral axis, or the header's CUNIT. */
  unit: string;
  /** Reference value in `unit`, and the 1-based reference pixel as the header has it. */
  crval: number;
  crpix: number;
}

/** The celestial part. */
export interface CelestialPart {
  /** 0-based world axes. */
  lonAxis: number;
  latAxis: number;
  /** 0-based pixel axes that `x` and `y` of pixelToWorld are. */
  pixelAxes: readonly [number, number];
  frame: CelestialFrame;
  transform: CelestialTransform;
}

export interface WcsParts {
  alternate: string;
  axes: readonly WorldAxis[];
  linear: Linear;
  celestial?: CelestialPart;
  /** Of the pixel offsets along celestial.pixelAxes, and of the plane coordinates. */
  pixelDistortion?: Distortion;
  planeDistortion?: Distortion;
  /** One per axis; undefined on the celestial ones. */
  transforms: readonly (AxisTransform | undefined)[];
  /** Lengths of the pixel axes, 0 where the header does not say. */
  shape: readonly number[];
  notes: readonly string[];
}

/** Pixels are 0-based here (the centre of the first pixel is 0); angles are degrees. */
export class Wcs {
  readonly alternate: string;
  readonly naxis: number;
  readonly axes: readonly WorldAxis[];
  readonly celestial: CelestialPart | undefined;
  readonly linear: Linear;
  readonly shape: readonly number[];
  /** What was assumed, repaired or left out, one sentence each: worth showing to a person. */
  readonly notes: readonly string[];
  readonly hasDistortion: boolean;
  /** The plane's 2 x 2 matrix (degrees per pixel, rows longitude and latitude) and its inverse, undefined where it has none. */
  readonly planeMatrix: readonly [number, number, number, number];
  readonly #planeInverse: readonly [number, number, number, number] | undefined;
  readonly #crpix: readonly [number, number];
  readonly #parts: WcsParts;
  readonly #pair = new Float64Array(2);

  constructor(parts: WcsParts) {
    this.#parts = parts;
    this.alternate = parts.alternate;
    this.naxis = parts.axes.length;
    this.axes = parts.axes;
    this.celestial = parts.celestial;
    this.linear = parts.linear;
    this.shape = parts.shape;
    this.notes = parts.notes;
    this.hasDistortion = parts.pixelDistortion !== undefined || parts.planeDistortion !== undefined;
    const { lonAxis, latAxis, pixelAxes } = parts.celestial ?? { lonAxis: 0, latAxis: 0, pixelAxes: [0, 0] as const };
    const at = (i: number, j: number): number => parts.linear.matrix[i * this.naxis + j];
    const [a, b] = [at(lonAxis, pixelAxes[0]), at(lonAxis, pixelAxes[1])];
    const [c, d] = [at(latAxis, pixelAxes[0]), at(latAxis, pixelAxes[1])];
    this.planeMatrix = [a, b, c, d];
    const det = a * d - b * c;
    this.#planeInverse =
      Math.abs(det) > 1e-13 * (Math.abs(a * d) + Math.abs(b * c)) ? [d / det, -b / det, -c / det, a / det] : undefined;
    this.#crpix = [parts.axes[pixelAxes[0]].crpix, parts.axes[pixelAxes[1]].crpix];
  }

  /**
   * Pixel -> [longitude, latitude] in degrees, longitude first whatever the order of the axes, in [0, 360); [NaN, NaN] outside the
   * projection. With more than two axes, x and y run along `celestial.pixelAxes` and the others stand at their reference pixels.
   * Throws INPUT_INVALID when the header has no celestial axes.
   */
  pixelToWorld(x: number, y: number): [lonDeg: number, latDeg: number] {
    this.#requireCelestial();
    const out = this.#pair;
    return this.#forward(x, y, out) === POINT_OK ? [out[0], out[1]] : [Number.NaN, Number.NaN];
  }

  /** [longitude, latitude] (degrees) -> pixel; [NaN, NaN] outside the projection or where a distortion has no inverse. */
  worldToPixel(lonDeg: number, latDeg: number): [x: number, y: number] {
    this.#requireInverse();
    const out = this.#pair;
    return this.#backward(lonDeg, latDeg, out) === POINT_OK ? [out[0], out[1]] : [Number.NaN, Number.NaN];
  }

  /** {@link pixelToWorld} for columns of equal length. Throws INPUT_INVALID when the lengths differ. */
  pixelsToWorld(x: Float64Array, y: Float64Array): SkyColumns {
    this.#requireCelestial();
    const [lonDeg, latDeg, status, failed] = mapColumns(x, y, (a, b, out) => this.#forward(a, b, out));
    return { lonDeg, latDeg, status, failed };
  }

  /** {@link worldToPixel} for columns of equal length. Throws INPUT_INVALID when the lengths differ. */
  worldToPixels(lonDeg: Float64Array, latDeg: Float64Array): PixelColumns {
    this.#requireInverse();
    const [x, y, status, failed] = mapColumns(lonDeg, latDeg, (a, b, out) => this.#backward(a, b, out));
    return { x, y, status, failed };
  }

  #forward(x: number, y: number, out: Float64Array): number {
    const { pixelDistortion, planeDistortion, celestial } = this.#parts;
    let u = x + 1 - this.#crpix[0];
    let v = y + 1 - this.#crpix[1];
    if (pixelDistortion) {
      pixelDistortion.forward(u, v, out);
      u = out[0];
      v = out[1];
    }
    const m = this.planeMatrix;
    let px = m[0] * u + m[1] * v;
    let py = m[2] * u + m[3] * v;
    if (planeDistortion) {
      planeDistortion.forward(px, py, out);
      px = out[0];
      py = out[1];
    }
    return celestial!.transform.toSky(px, py, out) ? POINT_OK : POINT_OUTSIDE;
  }

  #backward(lonDeg: number, latDeg: number, out: Float64Array): number {
    const { pixelDistortion, planeDistortion, celestial } = this.#parts;
    if (!celestial!.transform.toPlane(lonDeg, latDeg, out)) return POINT_OUTSIDE;
    if (planeDistortion && !planeDistortion.inverse(out[0], out[1], out)) return POINT_NOT_CONVERGED;
    const m = this.#planeInverse!;
    const u = m[0] * out[0] + m[1] * out[1];
    const v = m[2] * out[0] + m[3] * out[1];
    out[0] = u;
    out[1] = v;
    if (pixelDistortion && !pixelDistortion.inverse(u, v, out)) return POINT_NOT_CONVERGED;
    out[0] += this.#crpix[0] - 1;
    out[1] += this.#crpix[1] - 1;
    return Number.isFinite(out[0]) && Number.isFinite(out[1]) ? POINT_OK : POINT_OUTSIDE;
  }

  /**
   * All pixel axes -> all world axes, in the order of the header and in the units of `axes`; one column an axis, of equal length.
   * Throws INPUT_INVALID when the number or the lengths of the columns are wrong.
   */
  pixelToWorldAll(pixels: readonly Float64Array[]): AxisColumns {
    const { linear, celestial, transforms, pixelDistortion, planeDistortion } = this.#parts;
    const n = this.naxis;
    const offset = new Float64Array(n);
    const world = new Float64Array(n);
    const pair = this.#pair;
    return this.#mapAll(pixels, (k, columns) => {
      for (let j = 0; j < n; j++) offset[j] = pixels[j][k] + 1 - this.axes[j].crpix;
      if (celestial && pixelDistortion) {
        const [p, q] = celestial.pixelAxes;
        pixelDistortion.forward(offset[p], offset[q], pair);
        offset[p] = pair[0];
        offset[q] = pair[1];
      }
      multiply(linear.matrix, offset, world);
      let status = POINT_OK;
      if (celestial) {
        const { lonAxis, latAxis, transform } = celestial;
        pair[0] = world[lonAxis];
        pair[1] = world[latAxis];
        if (planeDistortion) planeDistortion.forward(pair[0], pair[1], pair);
        if (!transform.toSky(pair[0], pair[1], pair)) status = POINT_OUTSIDE;
        columns[lonAxis][k] = status === POINT_OK ? pair[0] : Number.NaN;
        columns[latAxis][k] = status === POINT_OK ? pair[1] : Number.NaN;
      }
      for (let i = 0; i < n; i++) {
        const transform = transforms[i];
        if (!transform) continue;
        const value = transform.toWorld(world[i]);
        columns[i][k] = Number.isFinite(value) ? value : Number.NaN;
        if (!Number.isFinite(value)) status = POINT_OUTSIDE;
      }
      return status;
    });
  }

  /** All world axes -> all pixel axes, the inverse of {@link pixelToWorldAll}. A point that fails on one axis is NaN on all. */
  worldToPixelAll(worlds: readonly Float64Array[]): AxisColumns {
    const { linear, celestial, transforms, pixelDistortion, planeDistortion } = this.#parts;
    const n = this.naxis;
    const offset = new Float64Array(n);
    const world = new Float64Array(n);
    const pair = this.#pair;
    return this.#mapAll(worlds, (k, columns) => {
      let status = POINT_OK;
      for (let i = 0; i < n; i++) {
        const transform = transforms[i];
        if (!transform) continue;
        world[i] = transform.toIntermediate(worlds[i][k]);
        if (!Number.isFinite(world[i])) status = POINT_OUTSIDE;
      }
      if (celestial) {
        const { lonAxis, latAxis, transform } = celestial;
        if (!transform.toPlane(worlds[lonAxis][k], worlds[latAxis][k], pair)) status = POINT_OUTSIDE;
        else if (planeDistortion && !planeDistortion.inverse(pair[0], pair[1], pair)) status = POINT_NOT_CONVERGED;
        world[lonAxis] = pair[0];
        world[latAxis] = pair[1];
      }
      multiply(linear.inverse, world, offset);
      if (celestial && pixelDistortion && status === POINT_OK) {
        const [p, q] = celestial.pixelAxes;
        if (!pixelDistortion.inverse(offset[p], offset[q], pair)) status = POINT_NOT_CONVERGED;
        offset[p] = pair[0];
        offset[q] = pair[1];
      }
      if (status === POINT_OK && !offset.every(Number.isFinite)) status = POINT_OUTSIDE;
      for (let j = 0; j < n; j++) columns[j][k] = status === POINT_OK ? offset[j] + this.axes[j].crpix - 1 : Number.NaN;
      return status;
    });
  }

  #mapAll(inputs: readonly Float64Array[], one: (k: number, columns: Float64Array[]) => number): AxisColumns {
    const length = inputs[0]?.length ?? 0;
    if (inputs.length !== this.naxis || inputs.some((column) => column.length !== length)) {
      throw new ArcletError(
        'INPUT_INVALID',
        `${inputs.length} columns of lengths ${inputs.map((c) => c.length).join(', ')} do not fit ${this.naxis} axes.`,
        {
          remedy: 'Give one column for each axis, all of one length.',
        },
      );
    }
    const columns = inputs.map(() => new Float64Array(length));
    const status = new Uint8Array(length);
    let failed = 0;
    for (let k = 0; k < length; k++) {
      status[k] = one(k, columns);
      if (status[k] !== POINT_OK) failed++;
    }
    return { columns, status, failed };
  }

  #requireCelestial(): void {
    if (this.celestial) return;
    throw new ArcletError(
      'INPUT_INVALID',
      `The axes ${this.axes.map((a) => `'${a.ctype}'`).join(', ')} hold no celestial pair.`,
      {
        subject: `CTYPE1${this.alternate}`,
        remedy: 'Use pixelToWorldAll for axes that are not on the sky, or another alternate description.',
      },
    );
  }

  #requireInverse(): void {
    this.#requireCelestial();
    if (this.#planeInverse) return;
    throw new ArcletError(
      'INPUT_INVALID',
      `Pixel axes ${this.celestial!.pixelAxes.map((p) => p + 1).join(' and ')} do not span the sky.`,
      {
        subject: `CD1_1${this.alternate}`,
        remedy: 'Use worldToPixelAll, which takes every axis.',
      },
    );
  }
}

function multiply(matrix: Float64Array, vector: Float64Array, out: Float64Array): void {
  const n = vector.length;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    // Zero elements are skipped so that an axis without a value (NaN) spoils only the axes that depend on it.
    for (let j = 0; j < n; j++) if (matrix[i * n + j] !== 0) sum += matrix[i * n + j] * vector[j];
    out[i] = sum;
  }
}
