/** Cutouts of stars with their weights, and the level of the sky right around each. */
import type { StarCutout } from '../../../sky/epsf/index.ts';
import type { CellTask, EpsfSettings, PsfStar } from './cell-types.ts';
import type { Neighbourhood } from './isolation.ts';
import { clipAboutMedian, medianOfSorted } from './medians.ts';

/** A star and its pixels. */
export interface CutStar {
  readonly star: PsfStar;
  /** Before and after the level of its annulus was subtracted; the same where it was not. */
  readonly raw: StarCutout;
  readonly cutout: StarCutout;
  readonly localLevel: LocalLevel;
}

export interface LocalLevel {
  readonly level: number;
  /** Pixels of the annulus that were used. */
  readonly pixels: number;
  readonly status: 'ok' | 'disabled' | 'too_few_pixels';
}

const CLIP_ROUNDS = 5;

/** The annulus in a cutout, px from its middle. */
export function annulusOf(settings: EpsfSettings): { readonly inner: number; readonly outer: number } {
  const outer = Math.min(Math.max(settings.starLocalBkgAnnulusRoutPix, 2), (settings.cutoutSize - 1) / 2 - 1);
  return { inner: Math.min(Math.max(settings.starLocalBkgAnnulusRinPix, 0), outer - 1), outer };
}

/**
 * Cuts stars out of a section; those whose cutout leaves the section are left out. Pixels of neighbours have no weight.
 *
 * @param neighbourhood undefined: neighbours count
 */
export function cutStars(
  task: CellTask,
  image: Float32Array,
  stars: readonly PsfStar[],
  neighbourhood?: Neighbourhood,
): CutStar[] {
  const { section, settings } = task;
  const size = settings.cutoutSize;
  const half = (size - 1) / 2;
  const level = typicalVariance(task);
  return stars.flatMap((star) => {
    const [left, low] = [Math.round(star.x) - half, Math.round(star.y) - half];
    if (left < 0 || low < 0 || left + size > section.width || low + size > section.height) return [];
    const data = new Float32Array(size * size);
    const weight = new Float32Array(size * size);
    for (let j = 0; j < size; j++) {
      for (let i = 0; i < size; i++) {
        const from = (low + j) * section.width + left + i;
        data[j * size + i] = image[from];
        weight[j * size + i] = level(image, from);
      }
    }
    if (neighbourhood !== undefined) maskOthers(task, star, { left, low, weight }, neighbourhood);
    const raw = { data, weight, size, x: star.x - left, y: star.y - low };
    const localLevel = localBackground(raw, settings);
    const cutout = localLevel.status === 'ok' ? { ...raw, data: data.map((value) => value - localLevel.level) } : raw;
    return [{ star, raw, cutout, localLevel }];
  });
}

/** Light of a star this near is its own, FWHM. */
const OWN_FWHM = 1.25;
/** Of a neighbour without detection. */
const OTHER_FWHM = 1.5;

/** Takes the weight from other detections, grown by half a FWHM and a pixel, and from discs around other neighbours; the star's core stays. */
function maskOthers(
  { section, settings }: CellTask,
  star: PsfStar,
  { left, low, weight }: { left: number; low: number; weight: Float32Array },
  { segmentation, fwhmPx }: Neighbourhood,
): void {
  const size = settings.cutoutSize;
  const [cx, cy] = [star.x - left, star.y - low];
  const clear = (x: number, y: number, radius: number) => {
    for (let j = Math.max(0, Math.ceil(y - radius)); j <= Math.min(size - 1, y + radius); j++) {
      for (let i = Math.max(0, Math.ceil(x - radius)); i <= Math.min(size - 1, x + radius); i++) {
        if ((i - x) ** 2 + (j - y) ** 2 <= radius ** 2 && Math.hypot(i - cx, j - cy) > OWN_FWHM * fwhmPx)
          weight[j * size + i] = 0;
      }
    }
  };
  for (const { x, y } of star.others) clear(x - left, y - low, OTHER_FWHM * fwhmPx);
  const own = segmentation[Math.round(star.y) * section.width + Math.round(star.x)];
  const reach = Math.ceil(fwhmPx / 2) + 1;
  for (let j = -reach; j < size + reach; j++) {
    for (let i = -reach; i < size + reach; i++) {
      const [x, y] = [left + i, low + j];
      if (x < 0 || y < 0 || x >= section.width || y >= section.height) continue;
      const segment = segmentation[y * section.width + x];
      if (segment !== 0 && segment !== own) clear(i, j, reach);
    }
  }
}

/**
 * Inverse variances. arclet: sky and Poisson noise of the star (of the mean of 3 x 3 pixels: the noise of a pixel itself would favour low ones), bad
 * pixels 0. tract7dt: sky noise, for bad pixels too.
 */
function typicalVariance({ section, bad, frame, profile }: CellTask): (image: Float32Array, k: number) => number {
  const sky = frame.sigmaSky * frame.sigmaSky;
  if (profile === 'tract7dt') return () => 1 / Math.max(sky, 1e-12);
  const { width, height } = section;
  return (image, k) => {
    if (bad[k] !== 0 || !Number.isFinite(image[k])) return 0;
    const x = k % width;
    const y = (k - x) / width;
    let sum = 0;
    let count = 0;
    for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
      for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) {
        const at = j * width + i;
        if (bad[at] !== 0 || !Number.isFinite(image[at])) continue;
        sum += image[at];
        count++;
      }
    }
    return 1 / (sky + Math.max(0, sum / count) / frame.gain);
  };
}

/** Median of the clipped annulus around the middle of a cutout; 0 where fewer than star_local_bkg_minpix pixels are left. */
function localBackground({ data, weight, size }: StarCutout, settings: EpsfSettings): LocalLevel {
  if (!settings.starLocalBkgSubtract) return { level: 0, pixels: 0, status: 'disabled' };
  const { inner, outer } = annulusOf(settings);
  const middle = (size - 1) / 2;
  const values: number[] = [];
  for (let k = 0; k < size * size; k++) {
    const i = k % size;
    const radius = Math.hypot(i - middle, (k - i) / size - middle);
    if (radius >= inner && radius <= outer && weight[k] > 0 && Number.isFinite(data[k])) values.push(data[k]);
  }
  const least = settings.starLocalBkgMinpix;
  const kept = values.length < least ? [] : clipAboutMedian(values, settings.starLocalBkgSigma, CLIP_ROUNDS);
  if (kept.length < least) return { level: 0, pixels: kept.length, status: 'too_few_pixels' };
  return { level: medianOfSorted(kept), pixels: kept.length, status: 'ok' };
}
