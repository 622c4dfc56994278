/** Images that `arclet detect` writes beside its table: background, noise, segmentation, picture. */

import type { NumberArray } from '../../../io/fits/index.ts';
import { encodeFits, FitsHeader, type NewCard } from '../../../io/fits/index.ts';
import type { Background } from '../../../sky/detection/index.ts';
import { writeTo } from '../../files/open.ts';
import { boxHeader, openRowImage } from '../load-wcs.ts';
import { drawOverlay } from '../overlay.ts';
import { Picture } from '../overlay-picture.ts';
import { putObject } from '../places.ts';
import type { Measured } from './measure.ts';

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** WCS cards of an image, for images of the same pixels; none where there is no WCS. */
export function skyCards(header: FitsHeader, { width, height }: FrameSize, hasWcs: boolean): FitsHeader {
  return hasWcs ? boxHeader(header, { x0: 0, y0: 0, width, height }) : new FitsHeader([], 'no WCS');
}

/** Rows of a map that is evaluated as it is written. */
const STRIP = 64;

/** Writes a background's level or noise, strip by strip. Throws OUTPUT_UNWRITABLE. */
export async function writeBackground(
  location: string,
  background: Background,
  which: 'level' | 'rms',
  header: FitsHeader,
  cards: readonly NewCard[],
): Promise<void> {
  const { width, height } = background;
  const file = await openRowImage(location, { width, height }, header, cards);
  try {
    const strip = new Float32Array(STRIP * width);
    for (let y = 0; y < height; y += STRIP) {
      const rows = Math.min(STRIP, height - y);
      if (which === 'level') background.levelMap(y, rows, strip);
      else background.rmsMap(y, rows, strip);
      await file.write(strip.subarray(0, rows * width));
    }
    await file.finish();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** Writes numbers of objects as an image of int32. Throws OUTPUT_UNWRITABLE. */
export async function writeSegmentation(
  location: string,
  segmentation: Int32Array,
  { width, height }: FrameSize,
  header: FitsHeader,
): Promise<void> {
  const data = segmentation as NumberArray;
  await writeTo(location, encodeFits([{ kind: 'image', data, shape: [height, width], header }]));
}

/** Ellipses at least this large can be seen, px. */
const LEAST_MARK = 2;

export interface PictureRequest extends FrameSize {
  readonly location: string;
  readonly title: string;
  /** Background-subtracted. */
  readonly data: Float32Array | Float64Array;
  readonly measured: Measured;
  readonly kronFactor: number;
  readonly kronMinRadiusPx: number;
}

/** Draws the image with the ellipse of flux_auto around every object. Throws OUTPUT_UNWRITABLE. */
export async function drawDetections({ location, title, data, width, height, ...request }: PictureRequest): Promise<void> {
  const picture = new Picture({ x0: 0, y0: 0, width, height }, 1);
  const row = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    row.set(data.subarray(y * width, (y + 1) * width));
    picture.add(y, 1, width, row);
  }
  const { objects, kronRadius, saturated, flags } = request.measured;
  const places = Array.from({ length: objects.count }, (_, index) => {
    const isCircle = kronRadius[index] === 0;
    const scale = request.kronFactor * kronRadius[index];
    const size = (axis: number) => Math.max(LEAST_MARK, isCircle ? request.kronMinRadiusPx : scale * axis);
    return {
      x: objects.x[index],
      y: objects.y[index],
      a: size(objects.a[index]),
      b: size(objects.b[index]),
      theta: objects.theta[index],
    };
  });
  const kind = (index: number) => (saturated[index] === 1 ? 'saturated' : (flags[index] & 1) === 1 ? 'blend' : 'alone');
  const of = (wanted: string) => places.filter((_, index) => kind(index) === wanted);
  const marks = [
    { label: 'object', colour: '#4dd0e1', places: of('alone') },
    { label: 'split from a neighbour', colour: '#ffd54f', places: of('blend') },
    { label: 'saturated', colour: '#ff5252', places: of('saturated') },
  ];
  const shown = marks.filter(({ places: { length } }) => length > 0);
  const png = await drawOverlay({
    title,
    picture,
    marks: shown.map(({ label, ...mark }) => ({ ...mark, shape: 'ellipse' as const, label: `${label}: ${mark.places.length}` })),
    notes: ['Ellipses: where flux_auto is summed. Gray: zscale.'],
    dpi: 150,
  });
  await putObject(location, png);
}
