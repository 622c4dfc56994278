/** What the sample of stamps is in numbers: features of every probe, row by row, and what the planes of a row say of each other. */
import { Moments, quantiles } from '../../../core/statistics.ts';
import type { Dataset } from '../../dataset.ts';
import type { Expected } from '../check/context.ts';
import { CORE_PX, EDGE_STATISTICS, StampGeometry } from './geometry.ts';
import { forEachStamp, type SampledStamp } from './stamps.ts';

/** Features of one plane of a stamp, nanomaggies: [band, feature] of the core, of the annulus, of the edge. */
export interface PlaneFeatures {
  readonly core: Float32Array;
  readonly annulus: Float32Array;
  readonly edge: Float32Array;
}

export interface StampFeatures {
  readonly isControl: boolean;
  readonly hostKey: number;
  readonly image: PlaneFeatures;
  /** Of the survey's own pixels, for injections whose host plane is there. */
  readonly host: PlaneFeatures | undefined;
  /** Einstein radius over what the core and half a PSF cover: above 1 the arc is outside the core. */
  readonly outsideCore: number;
}

export interface PixelFacts {
  readonly stamps: readonly StampFeatures[];
  /** Noise of the sky by band, nanomaggies a pixel: the median of the stamps. */
  readonly noise: readonly number[];
  /** Stamps with cutout_ok 1 that hold NaN or infinity. */
  readonly notFinite: number;
  /** Offset of the arc's centroid from the lens centre, px. */
  readonly offset: { readonly x: Moments; readonly y: Moments };
  /** Stamps whose planes could be compared, and those whose pixels are not host + arc. */
  readonly compared: number;
  readonly notTheSum: number;
}

const COLUMNS = ['host_x', 'host_y', 'lens_x_arcsec', 'lens_y_arcsec', 'theta_e_arcsec', 'theta_e_effective_arcsec'];
const ROBUST = EDGE_STATISTICS.indexOf('median absolute deviation');

/** Reads the sample. Throws INPUT_INVALID for parts that cannot be read. */
export async function readPixels(dataset: Dataset, { bands, reference, config }: Expected): Promise<PixelFacts> {
  const stamps: StampFeatures[] = [];
  const offset = { x: new Moments(), y: new Moments() };
  const geometries = new Map<number, StampGeometry>();
  let [notFinite, compared, notTheSum] = [0, 0, 0];
  const planes = ['image', 'host', 'arc'].flatMap((plane) => bands.map((band) => `${plane}_${band}`));
  await forEachStamp(dataset, [...COLUMNS, `psf_fwhm_used_${reference}`], planes, (stamp) => {
    const { size, isControl, hostKey } = stamp;
    const geometry = geometries.get(size) ?? new StampGeometry(size);
    geometries.set(size, geometry);
    const image = bands.map((band) => stamp.plane(`image_${band}`));
    const [x, y] = hostPixel(stamp);
    if (image.some((plane) => plane === undefined)) return;
    if (image.some((plane) => !plane!.every(Number.isFinite))) {
      notFinite++;
      return;
    }
    const hostPlanes = bands.map((band) => stamp.plane(`host_${band}`));
    const host = !isControl && hostPlanes.every((plane) => plane?.every(Number.isFinite)) ? featuresOf(geometry, hostPlanes as Float32Array[], x, y) : undefined; // biome-ignore format: one choice
    stamps.push({ isControl, hostKey, image: featuresOf(geometry, image as Float32Array[], x, y), host, outsideCore: outsideCore(stamp, reference, config.pixscaleArcsec) }); // biome-ignore format: one record
    const sums = bands.map((band) => isSum(stamp, band)).filter((one) => one !== undefined);
    if (sums.length > 0) compared++;
    if (sums.includes(false)) notTheSum++;
    if (!isControl) addOffset(stamp, reference, config.pixscaleArcsec, offset);
  });
  const noise = bands.map((_, band) => quantiles(stamps.map(({ image }) => image.edge[band * EDGE_STATISTICS.length + ROBUST]), [0.5])[0]); // biome-ignore format: one number a band
  return { stamps, noise, notFinite, offset, compared, notTheSum };
}

/** Where the host is; the middle of the stamp where the table does not say. */
function hostPixel({ rows, row, size }: SampledStamp): [number, number] {
  const clamp = (value: number) => (Math.abs(value - size / 2) <= 1.5 ? value : Math.floor(size / 2));
  return [clamp(rows.numbers('host_x')[row]), clamp(rows.numbers('host_y')[row])];
}

function featuresOf(geometry: StampGeometry, planes: readonly Float32Array[], x: number, y: number): PlaneFeatures {
  const core = new Float32Array(planes.length * geometry.core.length);
  const annulus = new Float32Array(planes.length * geometry.annulus.length);
  const edge = new Float32Array(planes.length * EDGE_STATISTICS.length);
  planes.forEach((plane, band) => {
    geometry.means(plane, geometry.core, x, y, core, band * geometry.core.length);
    geometry.means(plane, geometry.annulus, x, y, annulus, band * geometry.annulus.length);
    geometry.edge(plane, x, y, edge, band * EDGE_STATISTICS.length);
  });
  return { core, annulus, edge };
}

function outsideCore({ rows, row }: SampledStamp, reference: string, pixscaleArcsec: number): number {
  const theta = rows.numbers('theta_e_effective_arcsec')[row] || rows.numbers('theta_e_arcsec')[row];
  const psf = rows.numbers(`psf_fwhm_used_${reference}`)[row] || 0;
  return theta / (CORE_PX * pixscaleArcsec + psf / 2);
}

/** True where image is host + arc: the host's bits where there is no arc, rounded once where there is. Undefined without these planes. */
function isSum(stamp: SampledStamp, band: string): boolean | undefined {
  const [image, host, arc] = ['image', 'host', 'arc'].map((plane) => stamp.plane(`${plane}_${band}`));
  if (image === undefined || host === undefined) return undefined;
  if (stamp.isControl) return image.every((value, at) => value === host[at]);
  if (arc === undefined) return undefined;
  return image.every((value, at) => value === (arc[at] === 0 ? host[at] : Math.fround(host[at] + arc[at])));
}

/** Adds the flux-weighted offset of an arc; the arc is its own plane, or image minus host. */
function addOffset(stamp: SampledStamp, reference: string, pixscaleArcsec: number, offset: { x: Moments; y: Moments }): void {
  const arc = stamp.plane(`arc_${reference}`) ?? difference(stamp, reference);
  if (arc === undefined) return;
  const { size, rows, row } = stamp;
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let at = 0; at < arc.length; at++) {
    sum += arc[at];
    sumX += arc[at] * (at % size);
    sumY += arc[at] * Math.floor(at / size);
  }
  const x = rows.numbers('host_x')[row] + (rows.numbers('lens_x_arcsec')[row] || 0) / pixscaleArcsec;
  const y = rows.numbers('host_y')[row] + (rows.numbers('lens_y_arcsec')[row] || 0) / pixscaleArcsec;
  if (!(sum > 0) || !Number.isFinite(x + y)) return;
  offset.x.add(sumX / sum - x);
  offset.y.add(sumY / sum - y);
}

function difference(stamp: SampledStamp, band: string): Float32Array | undefined {
  const [image, host] = [stamp.plane(`image_${band}`), stamp.plane(`host_${band}`)];
  return image === undefined || host === undefined ? undefined : image.map((value, at) => value - host[at]);
}
