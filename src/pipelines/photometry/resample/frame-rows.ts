/** What became of each image, as the rows of frames.csv. */
import type { LeftOut } from './align-plan.ts';
import type { UsedFrame } from './band-header.ts';

export interface FrameRow {
  readonly path: string;
  readonly band: string;
  /** `left_out`: it has no part in the band; `unreadable`: it has, and its pixels cannot be read. */
  readonly status: 'resampled' | 'as_it_is' | 'left_out' | 'unreadable';
  readonly reason: string | null;
  readonly fluxScale: number | null;
  /** Area of an output pixel, pixels of the image. */
  readonly areaRatio: number | null;
  readonly noiseFactor: number | null;
  /** Median noise of an output pixel, ADU of the band. */
  readonly skySigma: number | null;
  /** Share of the target's pixels. */
  readonly coverage: number | null;
  /** Median of its pixels, ADU of the band: the sky that was not subtracted. */
  readonly level: number | null;
  readonly saturatedPixels: number | null;
  readonly positionErrorPx: number | null;
}

export const leftOutRow = ({ path, band, reason }: LeftOut): FrameRow => ({
  path,
  band,
  status: 'left_out',
  reason,
  fluxScale: null,
  areaRatio: null,
  noiseFactor: null,
  skySigma: null,
  coverage: null,
  level: null,
  saturatedPixels: null,
  positionErrorPx: null,
});

/** What resampling an image told of it, in its own counts. */
export interface FrameFacts {
  readonly coverage: number;
  /** Median of its pixels; NaN where it covers too little of the target for one. */
  readonly level: number;
  readonly saturatedPixels: number;
  readonly positionErrorPx: number;
}

/** NaN is no number of a row. */
const known = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function resampledRow({
  file,
  fluxScale,
  areaRatio,
  noiseUnderestimate,
  typicalInvvar,
  ...facts
}: UsedFrame & FrameFacts): FrameRow {
  return {
    path: file.path,
    band: file.band,
    status: 'resampled',
    reason: null,
    fluxScale,
    areaRatio,
    noiseFactor: noiseUnderestimate,
    skySigma: known(fluxScale / Math.sqrt(typicalInvvar)),
    coverage: facts.coverage,
    level: known(fluxScale * facts.level),
    saturatedPixels: facts.saturatedPixels,
    positionErrorPx: facts.positionErrorPx,
  };
}
