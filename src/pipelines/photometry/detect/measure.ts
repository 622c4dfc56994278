/**
 * Fluxes, radii and centres of detected objects, in the order and with the settings that the manual of SEP gives for SExtractor's FLUX_AUTO,
 * FLUX_RADIUS and XWIN.
 */
import { throwIfAborted } from '../../../engine/batches.ts';
import {
  APERTURE_INVALID,
  type CorrectionOptions,
  fluxRadius,
  type ImagePixels,
  kronRadius,
  type MaskOptions,
  type ObjectTable,
  sumCircle,
  sumEllipse,
  windowedShape,
} from '../../../sky/detection/index.ts';

/** SExtractor's 4: a saturated pixel. */
export const FLAG_SATURATED = 4;

export interface MeasureRequest {
  /** Background-subtracted. */
  readonly image: ImagePixels;
  readonly objects: ObjectTable;
  /** Number of the object at every pixel. */
  readonly segmentation: Int32Array;
  readonly mask: Uint8Array | undefined;
  /** Standard deviation of the sky: one, or a map; units of the image. */
  readonly sigma: number | Float32Array;
  /** Electrons per unit; 0: no noise of the sources. */
  readonly gain: number;
  /** 1 where a pixel is saturated. */
  readonly saturated: Uint8Array | undefined;
  /** Radii of circles in pixels. */
  readonly apertureRadiiPx: readonly number[];
  /** What pixels of other objects count as in an aperture: sky, the mean of the rest, or what they are. */
  readonly neighbours: 'leave-out' | 'mean' | 'keep';
  readonly kronFactor: number;
  readonly kronMinRadiusPx: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One value per object; fluxes and errors in units of the image, lengths in pixels. */
export interface Measured {
  readonly objects: ObjectTable;
  /** Degrees; added by who knows the WCS. */
  readonly sky?: { readonly ra: Float64Array; readonly dec: Float64Array; readonly frame: string };
  readonly fluxIso: Float64Array;
  readonly fluxIsoErr: Float64Array;
  readonly fluxAuto: Float64Array;
  readonly fluxAutoErr: Float64Array;
  /** In units of a and b; 0 where a circle of the least radius stands in. */
  readonly kronRadius: Float64Array;
  readonly halfLightRadius: Float64Array;
  readonly xWin: Float64Array;
  readonly yWin: Float64Array;
  /** By aperture, then by object. */
  readonly fluxAperture: readonly Float64Array[];
  readonly fluxApertureErr: readonly Float64Array[];
  readonly apertureFlags: readonly Int32Array[];
  /** Flags of the extraction, FLAG_SATURATED, and APERTURE_ flags of flux_auto. */
  readonly flags: Int32Array;
  readonly saturated: Uint8Array;
}

/** Objects between two looks at the signal: about 0.1 s. */
const CHUNK = 500;
/** Kron radii are looked for within this many a and b, half-light radii within this many a. */
const REACH = 6;
/** Points along a pixel of a growth curve, and the radius in px beyond which one does: its 64 steps are wider than 4 px there. */
const CURVE_POINTS = 5;
const COARSE_RADIUS_PX = 256;
/** Larger objects keep their barycentre: bad columns and trails, for which each of 16 rounds would sum the whole frame. */
const MAX_WINDOWED_PX = 100;
/** Standard deviation of the window over the half-light radius, of SExtractor. */
const WINDOW = 2 / 2.35;

/**
 * Measures every object.
 *
 * @throws ABORTED when the signal fires
 */
export async function measureObjects(request: MeasureRequest): Promise<Measured> {
  const { objects, apertureRadiiPx, signal, onProgress } = request;
  const { count } = objects;
  const column = () => new Float64Array(count);
  const out = {
    fluxAuto: column(),
    fluxAutoErr: column(),
    kronRadius: column(),
    halfLightRadius: column(),
    xWin: column(),
    yWin: column(),
    fluxAperture: apertureRadiiPx.map(column),
    fluxApertureErr: apertureRadiiPx.map(column),
    apertureFlags: apertureRadiiPx.map(() => new Int32Array(count)),
    flags: Int32Array.from(objects.flag),
  };
  for (let from = 0; from < count; from += CHUNK) {
    measureChunk(request, out, from, Math.min(count, from + CHUNK));
    onProgress?.(Math.min(count, from + CHUNK), count);
    // A signal of the process is only heard between turns.
    await new Promise((resolve) => setImmediate(resolve));
    throwIfAborted(signal, from);
  }
  const { saturated, fluxIsoErr } = overPixels(request);
  for (let row = 0; row < count; row++) if (saturated[row] === 1) out.flags[row] |= FLAG_SATURATED;
  return { ...out, objects, fluxIso: objects.flux, fluxIsoErr, saturated };
}

type Columns = Pick<
  Measured,
  | 'fluxAuto'
  | 'fluxAutoErr'
  | 'kronRadius'
  | 'halfLightRadius'
  | 'xWin'
  | 'yWin'
  | 'fluxAperture'
  | 'fluxApertureErr'
  | 'apertureFlags'
  | 'flags'
>;

function measureChunk(request: MeasureRequest, out: Columns, from: number, end: number): void {
  const { image, objects, mask, sigma: err, gain, kronFactor, kronMinRadiusPx } = request;
  const of = (values: Float64Array) => values.subarray(from, end);
  const [x, y, a, b, theta] = [objects.x, objects.y, objects.a, objects.b, objects.theta].map(of);
  const rows = end - from;
  const segmentId = Float64Array.from({ length: rows }, (_, row) => from + row + 1);
  const usable = {
    mask,
    correctMasked: request.neighbours !== 'leave-out',
    ...(request.neighbours === 'keep' ? {} : { segmentation: request.segmentation, segmentId }),
  };
  const noise = { err, gain };
  const ellipse = { a, b, theta };

  const kron = kronRadius(image, x, y, ellipse, REACH, usable);
  // A small or missing Kron ellipse gives way to a circle, given to the same call as an ellipse of that radius.
  const isCircle = Array.from(kron.radius, (radius, row) => !(radius * Math.sqrt(a[row] * b[row]) >= kronMinRadiusPx));
  const auto = sumEllipse(
    image,
    x,
    y,
    {
      a: a.map((value, row) => (isCircle[row] ? kronMinRadiusPx : value)),
      b: b.map((value, row) => (isCircle[row] ? kronMinRadiusPx : value)),
      theta: theta.map((value, row) => (isCircle[row] ? 0 : value)),
    },
    kron.radius.map((radius, row) => (isCircle[row] ? 1 : kronFactor * radius)),
    { ...usable, ...noise, subpix: 1 },
  );
  out.fluxAuto.set(auto.flux, from);
  out.fluxAutoErr.set(auto.err, from);
  const halfLight = halfLightRadii(request, { x, y, a }, auto.flux, usable);
  out.halfLightRadius.set(halfLight, from);
  const window = halfLight.map((radius) => (radius <= MAX_WINDOWED_PX ? WINDOW * radius : Number.NaN));
  const windowed = windowedShape(image, x, y, window, usable);
  for (let row = 0; row < rows; row++) {
    out.kronRadius[from + row] = isCircle[row] ? 0 : kron.radius[row];
    out.flags[from + row] |= auto.flag[row] | kron.flag[row];
    // A window that could not be placed leaves the barycentre.
    const isPlaced = (windowed.flag[row] & APERTURE_INVALID) === 0;
    out.xWin[from + row] = isPlaced ? windowed.x[row] : x[row];
    out.yWin[from + row] = isPlaced ? windowed.y[row] : y[row];
  }
  for (const [index, radius] of request.apertureRadiiPx.entries()) {
    const { flux, err: fluxErr, flag } = sumCircle(image, x, y, radius, { ...usable, ...noise });
    out.fluxAperture[index].set(flux, from);
    out.fluxApertureErr[index].set(fluxErr, from);
    out.apertureFlags[index].set(flag, from);
  }
}

/** Half-light radii, in two calls: objects by the number of points that their size needs. */
function halfLightRadii(
  { image }: MeasureRequest,
  { x, y, a }: Readonly<Record<'x' | 'y' | 'a', Float64Array>>,
  flux: Float64Array,
  usable: MaskOptions & CorrectionOptions,
): Float64Array {
  const radii = new Float64Array(a.length);
  const isCoarse = a.map((axis) => (REACH * axis > COARSE_RADIUS_PX ? 1 : 0));
  for (const coarse of [0, 1]) {
    const rows = Int32Array.from(a.keys()).filter((row) => isCoarse[row] === coarse);
    if (rows.length === 0) continue;
    const of = (values: ArrayLike<number>) => Float64Array.from(rows, (row) => values[row]);
    const { segmentId } = usable;
    const { radius } = fluxRadius(
      image,
      of(x),
      of(y),
      of(a).map((axis) => REACH * axis),
      [0.5],
      {
        ...usable,
        ...(segmentId === undefined ? {} : { segmentId: of(segmentId as Float64Array) }),
        normFlux: of(flux),
        subpix: coarse === 1 ? 1 : CURVE_POINTS,
      },
    );
    for (const [index, row] of rows.entries()) radii[row] = radius[index];
  }
  return radii;
}

/** What takes one look at every pixel of every object. */
function overPixels({ image, objects, segmentation, mask, sigma, gain, saturated }: MeasureRequest): {
  saturated: Uint8Array;
  fluxIsoErr: Float64Array;
} {
  const isSaturated = new Uint8Array(objects.count);
  const variance = new Float64Array(objects.count);
  for (let at = 0; at < segmentation.length; at++) {
    const row = segmentation[at] - 1;
    if (row < 0) continue;
    if (saturated !== undefined && saturated[at] !== 0) isSaturated[row] = 1;
    if (mask !== undefined && mask[at] !== 0) continue;
    const deviation = typeof sigma === 'number' ? sigma : sigma[at];
    variance[row] += deviation * deviation + (gain > 0 ? Math.max(image.data[at], 0) / gain : 0);
  }
  return { saturated: isSaturated, fluxIsoErr: variance.map(Math.sqrt) };
}
