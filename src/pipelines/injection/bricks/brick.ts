/** One brick, open: its planes and its world coordinate system. */
import { ArcletError } from '../../../core/errors.ts';
import type { Store } from '../../../io/store/store.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { hduWcs } from '../../files/hdu-wcs.ts';
import { joinLocation } from '../layout.ts';
import { type BrickLocation, brickFolders, fileOf, locateBrick, type PlaneName, planesOf, planeWords } from './files.ts';
import { Plane } from './plane.ts';

export interface Brick {
  readonly name: string;
  /** Image and invvar in the order of the bands, psfsize where there are maps, maskbits. */
  readonly planes: readonly Plane[];
  readonly wcs: Wcs;
  /** [NAXIS2, NAXIS1], of all planes. */
  readonly shape: readonly [number, number];
  close(): Promise<void>;
}

/** Reference pixels and values of the bands of one brick may differ by the rounding of their cards, and no more: degrees and px. */
const WCS_TOLERANCE = 1e-7;
const WCS_KEYS = ['CRPIX1', 'CRPIX2', 'CRVAL1', 'CRVAL2', 'CD1_1', 'CD1_2', 'CD2_1', 'CD2_2', 'CDELT1', 'CDELT2'];

/**
 * Opens all planes of a brick.
 *
 * @throws INPUT_INVALID: no brick name, a file that is damaged or truncated, planes of different shapes or coordinates; INPUT_UNREADABLE: the
 * brick, a band or the masks are not there, or cannot be read
 */
export async function openBrick(cache: Store, brick: string, bands: readonly string[], psfsizeMaps: boolean): Promise<Brick> {
  const found = await locateBrick(cache, brick, bands);
  if (found === undefined) {
    const [flat, survey] = brickFolders(brick).map((folder) => joinLocation(cache.location, folder));
    throw missing(brick, `Brick ${brick} is not there: neither ${flat} nor ${survey} has files of it.`);
  }
  const files = planesOf(bands, psfsizeMaps).flatMap((plane) => placeOf(found, brick, plane));
  const opened = await Promise.allSettled(files.map(({ location, plane }) => Plane.open(location, plane)));
  const planes = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = async () => void (await Promise.allSettled(planes.map((plane) => plane.close())));
  try {
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const [first] = planes;
    for (const plane of planes) checkAlike(first, plane);
    const wcs = await hduWcs(first.file, first.hdu);
    return { name: brick, planes, wcs, shape: first.image.shape, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function placeOf({ location, files }: BrickLocation, brick: string, plane: PlaneName): { location: string; plane: PlaneName }[] {
  const name = fileOf(files, brick, plane);
  if (name !== undefined) return [{ location: joinLocation(location, name), plane }];
  // A brick without a PSF size map is used with the sizes of the manifest.
  if (plane.kind === 'psfsize') return [];
  throw missing(brick, `Brick ${brick} has no ${planeWords(plane)} in ${location}.`);
}

function missing(brick: string, message: string): ArcletError {
  return new ArcletError('INPUT_UNREADABLE', message, {
    subject: brick,
    remedy: 'Fetch it with `arclet inject cache`, or correct coadd_cache or bands.',
  });
}

/** Stamps of all planes are cut at the same pixels: shapes must be equal, and the coordinates of the images. */
function checkAlike(first: Plane, plane: Plane): void {
  const [height, width] = first.image.shape;
  const invalid = (why: string) =>
    new ArcletError('INPUT_INVALID', `${plane.file.source.name} ${why}.`, {
      subject: plane.file.source.name,
      remedy: 'Fetch the files of this brick again: they are not from one coadd.',
    });
  if (plane.image.shape[0] !== height || plane.image.shape[1] !== width)
    throw invalid(
      `has ${plane.image.shape[1]} x ${plane.image.shape[0]} pixels, and ${planeWords(first.name)} ${width} x ${height}`,
    );
  if (plane.name.kind !== 'image') return;
  for (const key of WCS_KEYS) {
    const [own, other] = [plane.hdu.header.get(key), first.hdu.header.get(key)];
    if (own === other) continue;
    if (typeof own !== 'number' || typeof other !== 'number' || Math.abs(own - other) > WCS_TOLERANCE)
      throw invalid(`has ${key} = ${own}, and ${planeWords(first.name)} ${other}`);
  }
}
