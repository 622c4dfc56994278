/** A FITS image as a source of resampling. */
import { ArcletError } from '../../../core/errors.ts';
import { type FitsHdu, imageInfo, readFloat32Section, readSection } from '../../../io/fits/index.ts';
import { type Wcs, wcsFromHeader } from '../../../sky/wcs/index.ts';
import type { ResampleSource } from './windows.ts';

export interface FitsSourceOptions {
  /** Inverse variances, of the image's shape. */
  readonly invvar?: FitsHdu;
  /** Whole numbers of the image's shape; a pixel is bad when one of `badBits` is set (default: any). */
  readonly mask?: FitsHdu;
  readonly badBits?: number;
  /** Default: what the image's header says. */
  readonly wcs?: Wcs;
}

/**
 * Reads boxes of a 2-D image HDU, plain or tile-compressed, and of the maps beside it. Only the rows (tiles) touched are read.
 *
 * Throws INPUT_INVALID when an HDU holds no 2-D image, shapes differ, or the header has no sky.
 */
export function fitsResampleSource(hdu: FitsHdu, options: FitsSourceOptions = {}): ResampleSource {
  const shapeOf = (image: FitsHdu): readonly number[] => imageInfo(image).shape;
  const shape = shapeOf(hdu);
  if (shape.length !== 2) {
    throw new ArcletError('INPUT_INVALID', `The image has ${shape.length} axes, needs 2.`, {
      subject: hdu.header.where,
      remedy: 'Cut one plane out of the cube.',
    });
  }
  for (const map of [options.invvar, options.mask]) {
    if (map === undefined || (shapeOf(map).length === 2 && shapeOf(map).every((length, axis) => length === shape[axis])))
      continue;
    throw new ArcletError('INPUT_INVALID', `The map is ${shapeOf(map).join(' x ')} px, its image ${shape.join(' x ')} px.`, {
      subject: map.header.where,
      remedy: 'Give the map that belongs to the image.',
    });
  }
  const badBits = options.badBits ?? -1;
  return {
    wcs: options.wcs ?? wcsFromHeader(hdu.header),
    width: shape[1],
    height: shape[0],
    async section(x0, y0, width, height) {
      const floats = async (image: FitsHdu) => (await readFloat32Section(image, [y0, x0], [height, width])).data;
      const mask = options.mask && (await readSection(options.mask, [y0, x0], [height, width])).data;
      return {
        image: await floats(hdu),
        ...(mask && { bad: Uint8Array.from(mask as ArrayLike<number>, (bits) => ((bits & badBits) === 0 ? 0 : 1)) }),
        ...(options.invvar && { invvar: await floats(options.invvar) }),
      };
    },
  };
}
