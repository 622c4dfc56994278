/** Files of a brick: their names, and where a cache keeps them (Legacy Surveys coadd layout). */
import { ArcletError } from '../../../core/errors.ts';
import { openStore, type Store } from '../../../io/store/store.ts';
import { joinLocation } from '../layout.ts';

/** What is kept of a brick; all but the masks once per band. */
export type PlaneKind = 'image' | 'invvar' | 'psfsize' | 'maskbits';

export interface PlaneName {
  readonly kind: PlaneKind;
  /** Undefined for the masks. */
  readonly band?: string;
}

/** In the order in which they are looked for. */
export const BRICK_FILE_ENDINGS = ['.fits.fz', '.fits', '.fits.gz'] as const;

/** RRRRsDDD: ten times the right ascension, p or m, ten times the declination of the centre, degrees. */
const BRICK_NAME = /^([0-3]\d{3})([pm])(\d{3})$/;

/** Whether a text is the name that a brick of the survey may have. */
export function isBrickName(brick: string): boolean {
  const [, ra, , dec] = BRICK_NAME.exec(brick) ?? [];
  return ra !== undefined && Number(ra) < 3600 && Number(dec) <= 900;
}

/** Throws INPUT_INVALID for a name that is no brick's: it becomes a part of a path. */
export function checkBrickName(brick: string): void {
  if (isBrickName(brick)) return;
  throw new ArcletError('INPUT_INVALID', `'${brick}' is no brick name.`, {
    subject: brick,
    remedy: 'Write RRRRsDDD: ten times the right ascension, p or m, ten times the declination, as 0591m305.',
  });
}

/** Image and inverse variance of every band, the masks, and with `psfsizeMaps` the PSF sizes. */
export function planesOf(bands: readonly string[], psfsizeMaps: boolean): PlaneName[] {
  const kinds: readonly PlaneKind[] = psfsizeMaps ? ['image', 'invvar', 'psfsize'] : ['image', 'invvar'];
  return [...kinds.flatMap((kind) => bands.map((band) => ({ kind, band }))), { kind: 'maskbits' }];
}

/** `legacysurvey-<brick>-<kind>-<band>`, `legacysurvey-<brick>-maskbits`. */
export function planeFile(brick: string, { kind, band }: PlaneName, ending: string = BRICK_FILE_ENDINGS[0]): string {
  return `legacysurvey-${brick}-${kind}${band === undefined ? '' : `-${band}`}${ending}`;
}

/** Word for messages: `image of band z`, `maskbits`. */
export const planeWords = ({ kind, band }: PlaneName): string => (band === undefined ? kind : `${kind} of band ${band}`);

/** Folders that may hold a brick, below a cache: flat, or as the survey does it. */
export const brickFolders = (brick: string): [flat: string, survey: string] => [brick, `${brick.slice(0, 3)}/${brick}`];

export interface BrickLocation {
  /** Below the cache. */
  readonly folder: string;
  /** Address of the folder. */
  readonly location: string;
  /** Names and sizes of all files in it, bytes. */
  readonly files: ReadonlyMap<string, number>;
}

/** The file of a plane among those of a folder, whichever of the endings it has. */
export function fileOf(files: ReadonlyMap<string, number>, brick: string, plane: PlaneName): string | undefined {
  return BRICK_FILE_ENDINGS.map((ending) => planeFile(brick, plane, ending)).find((name) => files.has(name));
}

/**
 * Where a brick lies: `<cache>/<brick>/` or `<cache>/<brick[:3]>/<brick>/`; where both are there, the one with more of the bands' files.
 *
 * @param cache as `openStore` opened it
 * @returns undefined when neither folder has a file of the brick
 * @throws INPUT_INVALID for a name that is none, INPUT_UNREADABLE when the cache cannot be listed
 */
export async function locateBrick(cache: Store, brick: string, bands: readonly string[]): Promise<BrickLocation | undefined> {
  checkBrickName(brick);
  const planes = planesOf(bands, true);
  let best: BrickLocation | undefined;
  let most = 0;
  for (const folder of brickFolders(brick)) {
    const files = await filesIn(cache, folder);
    const wanted = planes.filter((plane) => fileOf(files, brick, plane) !== undefined).length;
    if (wanted <= most) continue;
    best = { folder, location: joinLocation(cache.location, folder), files };
    most = wanted;
  }
  return best;
}

/** Files of one folder by name. A folder on disk is opened by itself: to list with a prefix would read the names of all bricks. */
export async function filesIn(cache: Store, folder: string): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  const add = (key: string, size: number) => {
    if (!key.includes('/')) files.set(key, size);
  };
  if (cache.location.startsWith('s3://')) {
    for await (const { key, size } of cache.list(`${folder}/`)) add(key.slice(folder.length + 1), size);
    return files;
  }
  const store = await openStore(joinLocation(cache.location, folder));
  for await (const { key, size } of store.list()) add(key, size);
  return files;
}
