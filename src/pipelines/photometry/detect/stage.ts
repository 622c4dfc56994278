/** `arclet detect`: the sources of one image as a table, without a catalogue to begin with. */
import { ArcletError } from '../../../core/errors.ts';
import { throwIfAborted } from '../../../engine/batches.ts';
import type { Background, Extraction } from '../../../sky/detection/index.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { outputFormat, writeTable } from '../../files/table-convert.ts';
import { defineStage, type StageContext, type StageResult } from '../../stage.ts';
import { measureBackgroundWith } from './background.ts';
import { type Aperture, tableOf } from './columns.ts';
import { DETECT_KEYS, type DetectConfig } from './config.ts';
import { extractWith } from './filter.ts';
import { type DetectInput, type Known, readDetectInput } from './inputs.ts';
import { kernelOf } from './kernels.ts';
import { type Measured, measureObjects } from './measure.ts';
import { drawDetections, skyCards, writeBackground, writeSegmentation } from './write.ts';

export const detectStage = defineStage<DetectConfig>({
  name: 'detect',
  aliases: [],
  summary: 'find and measure the sources of an image: background, detection, deblending, fluxes, shapes (SExtractor, SEP)',
  keys: Object.keys(DETECT_KEYS),
  run: detect,
});

/** The record of a table stands beside it. Throws USAGE for a table that would not be written. */
export function detectRecord({ out }: DetectConfig): string {
  outputFormat(out);
  return `${out}.json`;
}

const DEFAULT_RADIUS_PX = 5;

async function detect(context: StageContext, config: DetectConfig): Promise<StageResult> {
  const { log, signal } = context;
  const seconds: Record<string, number> = {};
  const timed = async <T>(part: string, work: () => Promise<T> | T): Promise<T> => {
    throwIfAborted(signal, 0);
    const begin = performance.now();
    try {
      return await work();
    } finally {
      seconds[part] = (seconds[part] ?? 0) + (performance.now() - begin) / 1000;
    }
  };
  // What is wrong with a filter is told before the image is read.
  const kernel = await kernelOf(config);
  const input = await timed('read', () => readDetectInput(config));
  const { width, height, mask, wcs } = input;
  const apertures = aperturesOf(config, wcs);
  for (const line of input.warnings) log.info('warning', `warning: ${line}`);
  await context.record.note({ inputs: input.files, detection: factsOf(input, apertures) });
  const engine = await context.engine();

  const saturatedPixels = saturatedOf(input);
  const background = await timed('background', () => measuredBackground(engine, config, input));
  const sky = config.subtractBackground ? background : undefined;
  // In place: the raw pixels are not needed any more.
  const data = sky === undefined ? input.data : (sky.subtract(input.data, 0, input.data) as DetectInput['data']);
  const image = { data, width, height };
  const sigma = input.sigma ?? (config.noise === 'map' ? (background.rmsMap() as Float32Array) : background.globalRms);
  const gain = input.gain?.value ?? 0;
  const options = {
    thresh: config.thresholdSigma,
    err: sigma,
    mask,
    minarea: config.minareaPx,
    filterKernel: kernel,
    filterType: config.filterType,
    deblendNthresh: config.deblendNthresh,
    deblendCont: config.deblendCont,
    clean: config.clean,
    cleanParam: config.cleanParam,
    maxObjects: config.maxObjects,
    segmentation: true,
  };
  const { objects, segmentation, counts } = await timed('extract', () => extractWith(engine, image, options));
  const measured = await timed('measure', () =>
    measureObjects({
      image,
      objects,
      segmentation: segmentation as Int32Array,
      mask,
      sigma,
      gain,
      saturated: saturatedPixels,
      apertureRadiiPx: apertures.map(({ radiusPx }) => radiusPx),
      neighbours: config.neighbours,
      kronFactor: config.kronFactor,
      kronMinRadiusPx: config.kronMinRadiusPx,
      signal,
      onProgress: (done, total) => log.progress('measuring objects', done, total),
    }),
  );
  const placed = { ...measured, sky: skyOf(wcs, measured) };
  const { schema, batch } = tableOf(placed, {
    idPrefix: config.idPrefix,
    apertures,
    unit: input.unit,
    zeroPoint: input.zeroPoint?.value,
    kronFactor: config.kronFactor,
    metadata: { arclet: context.version, image: config.image, config_hash: context.record.configHash },
  });
  const outputs = await timed('write', () => writeImages(config, input, background, image, placed, segmentation as Int32Array));
  const rows = (async function* () {
    yield batch;
  })();
  // The table last: where it stands, all is done.
  await timed('write', () => writeTable(config.out, schema, rows));
  const saturated = measured.saturated.reduce((sum, value) => sum + value, 0);
  return {
    outcome: 'done',
    counts: {
      pixels: width * height,
      pixels_not_finite: input.bad.notFinite,
      pixels_masked: input.bad.masked,
      pixels_without_noise: input.bad.noNoise,
      filled_meshes: background.filledMeshes,
      ...countsOf(counts),
      saturated,
      objects: objects.count,
    },
    seconds,
    outputs: [config.out, ...outputs],
    summary: summaryOf(config, input, background, sigma, apertures, measured, counts),
  };
}

async function measuredBackground(
  engine: Parameters<typeof measureBackgroundWith>[0],
  config: DetectConfig,
  { data, width, height, mask }: DetectInput,
): Promise<Background> {
  const [mesh, filter] = [config.backgroundMeshPx, config.backgroundFilterMeshes];
  return measureBackgroundWith(
    engine,
    { data, width, height },
    {
      meshWidth: Math.min(mesh, width),
      meshHeight: Math.min(mesh, height),
      filterWidth: filter,
      filterHeight: filter,
      interpolation: config.backgroundInterpolation,
      mask,
    },
  );
}

/** Radii in pixels; those in arcsec by the scale of the WCS at its reference point. Throws INPUT_INVALID for arcsec without a WCS. */
function aperturesOf({ image, apertureRadiusPx, apertureRadiusArcsec }: DetectConfig, wcs: Wcs | undefined): Aperture[] {
  if (apertureRadiusPx === undefined && apertureRadiusArcsec === undefined)
    return [{ radiusPx: DEFAULT_RADIUS_PX, label: `${DEFAULT_RADIUS_PX} px` }];
  const inPixels = (apertureRadiusPx ?? []).map((radiusPx) => ({ radiusPx, label: `${radiusPx} px` }));
  if (apertureRadiusArcsec === undefined) return inPixels;
  if (wcs === undefined) {
    throw new ArcletError('INPUT_INVALID', `${image} has no WCS that says how large an arcsec is.`, {
      subject: 'aperture_radius_arcsec',
      remedy: 'Give aperture_radius_px.',
    });
  }
  const [a, b, c, d] = wcs.planeMatrix;
  const pixelArcsec = 3600 * Math.sqrt(Math.abs(a * d - b * c));
  return [...inPixels, ...apertureRadiusArcsec.map((radius) => ({ radiusPx: radius / pixelArcsec, label: `${radius} arcsec` }))];
}

/** 1 where a pixel is at or above the saturation level; undefined without a level. */
function saturatedOf({ data, saturate }: DetectInput): Uint8Array | undefined {
  if (saturate === undefined) return undefined;
  const level = saturate.value;
  const saturated = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at++) if (data[at] >= level) saturated[at] = 1;
  return saturated;
}

function skyOf(wcs: Wcs | undefined, { objects }: Measured): Measured['sky'] {
  if (wcs?.celestial === undefined) return undefined;
  const { lonDeg, latDeg } = wcs.pixelsToWorld(objects.x, objects.y);
  return { ra: lonDeg, dec: latDeg, frame: wcs.celestial.frame.radesys ?? 'frame not named' };
}

async function writeImages(
  config: DetectConfig,
  input: DetectInput,
  background: Background,
  { data }: Pick<DetectInput, 'data'>,
  measured: Measured,
  segmentation: Int32Array,
): Promise<string[]> {
  const { width, height } = input;
  const header = skyCards(input.header, input, input.wcs !== undefined);
  const unit = input.unit === undefined ? [] : [{ keyword: 'BUNIT', value: input.unit }];
  if (config.background !== undefined) await writeBackground(config.background, background, 'level', header, unit);
  if (config.backgroundRms !== undefined) await writeBackground(config.backgroundRms, background, 'rms', header, unit);
  if (config.segmentation !== undefined) await writeSegmentation(config.segmentation, segmentation, input, header);
  if (config.picture !== undefined)
    await drawDetections({ ...config, location: config.picture, title: config.image, data, width, height, measured });
  return [config.background, config.backgroundRms, config.segmentation, config.picture].filter((path) => path !== undefined);
}

const known = (one: Known | undefined) => (one === undefined ? null : { value: one.value, from: one.from });

/** What the record keeps of the image and the numbers that were taken from its header. */
function factsOf(input: DetectInput, apertures: readonly Aperture[]): Record<string, unknown> {
  return {
    width: input.width,
    height: input.height,
    unit: input.unit ?? null,
    has_wcs: input.wcs !== undefined,
    saturate_adu: known(input.saturate),
    gain_e_per_adu: known(input.gain),
    zero_point_ab_mag: known(input.zeroPoint),
    apertures: apertures.map(({ radiusPx, label }, index) => ({ number: index + 1, radius: label, radius_px: radiusPx })),
    warnings: input.warnings,
  };
}

const countsOf = (counts: Extraction['counts']): Record<string, number> => ({
  detected_pixels: counts.detectedPixels,
  groups: counts.components,
  groups_too_small: counts.tooSmall,
  groups_masked: counts.masked,
  groups_split: counts.blends,
  objects_cleaned: counts.cleaned,
});

function summaryOf(
  config: DetectConfig,
  input: DetectInput,
  background: Background,
  sigma: number | Float32Array,
  apertures: readonly Aperture[],
  { objects, saturated }: Measured,
  counts: Extraction['counts'],
): string[] {
  const unit = input.unit ?? 'ADU';
  const digits = (value: number) => String(Number(value.toPrecision(5)));
  const from = (what: string, one: Known | undefined, without: string) =>
    one === undefined ? without : `${what} ${digits(one.value)} (${one.from})`;
  const noise = input.sigma === undefined ? (typeof sigma === 'number' ? 'one noise' : 'its noise map') : 'the noise map given';
  const none = counts.components + counts.masked === 0 ? `no ${config.minareaPx} pixels together are` : 'no object stays';
  return [
    objects.count === 0
      ? `0 objects: ${none} above ${config.thresholdSigma} sigma; the table has no rows`
      : `${objects.count} objects, ${counts.blends} groups split, ${counts.cleaned} cleaned away, ${saturated.reduce((sum, value) => sum + value, 0)} saturated`,
    `sky ${digits(background.globalLevel)} ${unit}${config.subtractBackground ? '' : ' (not subtracted)'}, noise ${digits(background.globalRms)} ${unit}; threshold ${config.thresholdSigma} sigma of ${noise}`,
    [
      from('gain', input.gain, 'no gain: errors without the noise of the sources'),
      from('saturation', input.saturate, 'no saturation level'),
      from('zero point', input.zeroPoint, 'no zero point: no magnitudes'),
    ].join('; '),
    `apertures: ${apertures.map(({ label }, index) => `${index + 1} of radius ${label}`).join(', ')}`,
  ];
}
