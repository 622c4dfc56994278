/** Settings of an extraction: defaults, ranges, shapes. */
import { ArcletError } from '../../core/errors.ts';
import {
  DEFAULT_FILTER_KERNEL,
  type DetectionImage,
  type DetectionPlan,
  type FilteredMaps,
  type FilterKernel,
  isMatched,
  type PixelValues,
} from './filter.ts';

/** Settings of an extraction; defaults are those of SEP. */
export interface ExtractOptions {
  /** > 0. In units of the noise when `err` or `var` is given, else of the image. */
  readonly thresh: number;
  /** Standard deviation: one for all pixels, or a map of the shape of the image. */
  readonly err?: number | PixelValues;
  /** Variance, in place of `err`. */
  readonly var?: number | PixelValues;
  /** Non-zero where pixels must not be used. */
  readonly mask?: Uint8Array;
  /** Electrons per unit of the image, for the Poisson part of errx2, erry2, errxy. Default: no such part. */
  readonly gain?: number;
  /** Least pixels of a detection, default 5. Parts of a blend may be smaller. */
  readonly minarea?: number;
  /** Default {@link DEFAULT_FILTER_KERNEL}; null: no filter. */
  readonly filterKernel?: FilterKernel | null;
  /** With a noise map: `matched` (default) weighs pixels by it, `conv` does not. */
  readonly filterType?: 'matched' | 'conv';
  /** The image filtered with `filterKernel` already, with T where the filter is matched. */
  readonly filtered?: FilteredMaps;
  /** Levels of the deblending tree, 1 to 256, default 32. */
  readonly deblendNthresh?: number;
  /** Part of an object's flux that a branch needs to be an object, 0 to 1, default 0.005; 1: nothing is split. */
  readonly deblendCont?: number;
  /** Default true. */
  readonly clean?: boolean;
  /** Moffat exponent of the wings that cleaning assumes, default 1; smaller cleans more. */
  readonly cleanParam?: number;
  /** Makes the map of objects too. */
  readonly segmentation?: boolean;
  /** Objects to be ready for, before cleaning; more end with INPUT_INVALID. Default 5 000 000. */
  readonly maxObjects?: number;
}

const DEFAULT_MAX_OBJECTS = 5_000_000;

/** Settings that were checked, with defaults filled in. */
export interface ExtractSettings {
  readonly plan: DetectionPlan;
  /** Threshold in units of the image where no pixel carries one. */
  readonly thresh: number;
  /** Variance of every pixel, when it is one number. */
  readonly variance?: number;
  readonly gain: number;
  readonly minarea: number;
  readonly levels: number;
  readonly contrast: number;
  readonly clean: boolean;
  readonly cleanParam: number;
  readonly maxObjects: number;
}

/** Throws CONFIG_INVALID for settings out of range and INPUT_INVALID for arrays of another shape. */
export function readSettings(image: DetectionImage, options: ExtractOptions): ExtractSettings {
  const { data, width, height } = image;
  const pixels = width * height;
  const whole = (name: string, value: number, least: number, most: number) => {
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw badSetting(name, value, `a whole number from ${least} to ${most}`);
    }
    return value;
  };
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && data.length === pixels)) {
    throw new ArcletError('INPUT_INVALID', `An image of ${width} x ${height} pixels cannot have ${data.length} values.`, {
      subject: 'image',
      remedy: 'Give width and height of the array, in rows of width.',
      data: { width, height, length: data.length },
    });
  }
  const noise = options.err ?? options.var;
  if (options.err !== undefined && options.var !== undefined)
    throw badSetting('var', 'given besides err', 'only one of err and var');
  for (const [name, map] of [
    ['mask', options.mask],
    [options.err === undefined ? 'var' : 'err', typeof noise === 'number' ? undefined : noise],
  ] as const) {
    if (map === undefined || map.length === pixels) continue;
    throw new ArcletError('INPUT_INVALID', `The ${name} has ${map.length} values and the image ${pixels}.`, {
      subject: name,
      remedy: `Give a ${name} of ${width} x ${height} pixels.`,
      data: { width, height, length: map.length },
    });
  }
  if (typeof noise === 'number' && !(noise > 0 && Number.isFinite(noise)))
    throw badSetting(options.err === undefined ? 'var' : 'err', noise, 'a number > 0');
  if (!(options.thresh > 0 && Number.isFinite(options.thresh))) throw badSetting('thresh', options.thresh, 'a number > 0');
  const gain = options.gain ?? 0;
  if (!(gain >= 0 && Number.isFinite(gain))) throw badSetting('gain', gain, 'a number >= 0');
  const contrast = options.deblendCont ?? 0.005;
  if (!(contrast >= 0 && contrast <= 1)) throw badSetting('deblendCont', contrast, 'a number from 0 to 1');
  const cleanParam = options.cleanParam ?? 1;
  if (!(cleanParam > 0 && Number.isFinite(cleanParam))) throw badSetting('cleanParam', cleanParam, 'a number > 0');

  const variance = typeof noise === 'number' ? (options.err === undefined ? noise : noise * noise) : undefined;
  // One noise for all only scales the threshold.
  const thresh = variance === undefined ? options.thresh : options.thresh * Math.sqrt(variance);
  const plan: DetectionPlan = {
    image,
    mask: options.mask,
    noise: typeof noise === 'number' ? undefined : noise,
    noiseIsVariance: options.var !== undefined,
    thresh,
    kernel: options.filterKernel === undefined ? DEFAULT_FILTER_KERNEL : options.filterKernel,
    matched: (options.filterType ?? 'matched') === 'matched',
    filtered: options.filtered,
  };
  const wanted = isMatched(plan) ? pixels : undefined;
  const { values, significance } = options.filtered ?? {};
  if (
    options.filtered !== undefined &&
    (values?.length !== pixels || (wanted ?? significance?.length) !== significance?.length)
  ) {
    throw new ArcletError(
      'INPUT_INVALID',
      `The filtered image has ${values?.length} values and ${significance?.length ?? 0} of T, the image ${pixels}.`,
      {
        subject: 'filtered',
        remedy: 'Give maps of the shape of the image, T with a matched filter and a noise map.',
      },
    );
  }
  return {
    plan,
    thresh,
    variance,
    gain,
    minarea: whole('minarea', options.minarea ?? 5, 1, 2 ** 31 - 1),
    levels: whole('deblendNthresh', options.deblendNthresh ?? 32, 1, 256),
    contrast,
    clean: options.clean ?? true,
    cleanParam,
    maxObjects: whole('maxObjects', options.maxObjects ?? DEFAULT_MAX_OBJECTS, 1, 2 ** 31 - 1),
  };
}

function badSetting(name: string, value: unknown, wanted: string): ArcletError {
  return new ArcletError('CONFIG_INVALID', `The setting ${name} of the extraction is ${value}, which is not ${wanted}.`, {
    subject: name,
    remedy: `Give ${wanted}.`,
    data: { value },
  });
}
