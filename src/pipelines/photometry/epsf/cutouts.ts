/** Cutouts of stars with their weights, and the level of the sky right around each. */
import type { StarCutout } from '../../../sky/epsf/index.ts';
import type { CellTask, EpsfSettings, PsfStar } from './cell-types.ts';
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

/** Cuts stars out of a section; those whose cutout leaves the section are left out. */
export function cutStars(task: CellTask, image: Float32Array, stars: readonly PsfStar[]): CutStar[] {
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
    const raw = { data, weight, size, x: star.x - left, y: star.y - low };
    const localLevel = localBackground(raw, settings);
    const cutout = localLevel.status === 'ok' ? { ...raw, data: data.map((value) => value - localLevel.level) } : raw;
    return [{ star, raw, cutout, localLevel }];
  });
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
