/** One brick of the cache: what is there is verified, what is missing is fetched, and what came of it is told. */
import { isArcletError } from '../../../core/errors.ts';
import { openSource, type Store } from '../../../io/store/store.ts';
import { joinLocation } from '../layout.ts';
import { fetchFile, type Patience } from './fetch-file.ts';
import { type BrickLocation, brickFolders, fileOf, locateBrick, type PlaneName, planesOf, planeWords } from './files.ts';
import type { Gate } from './gate.ts';
import type { Origin } from './origin.ts';
import {
  BRICK_MARKER,
  type BrickMarker,
  checkFile,
  digestOf,
  digestOfAll,
  type FileFacts,
  readBrickMarker,
  writeBrickMarker,
} from './verify.ts';

export interface CacheJob {
  readonly cache: Store;
  /** Undefined: only verify. */
  readonly origin: Origin | undefined;
  /** As the marker names it. */
  readonly source: string;
  readonly bands: readonly string[];
  readonly psfsizeMaps: boolean;
  /** Look again at what a marker says is good. */
  readonly force: boolean;
  /** Lets as many files through as are fetched or hashed at once. */
  readonly gate: Gate;
  readonly signal: AbortSignal;
  readonly patience: Patience;
}

/** A row of assets_manifest.parquet, and what was done for it. */
export interface CachedBrick {
  readonly brickname: string;
  readonly ok: boolean;
  /** Why not; of a good brick what it lacks without harm. Null when there is nothing to say. */
  readonly error: string | null;
  /** Folder, null where there is none. */
  readonly location: string | null;
  readonly bytes: number;
  readonly files: number;
  /** Of the digests of its files; null where they were not taken (a cache that is only verified, without markers). */
  readonly sha256: string | null;
  readonly filesFetched: number;
  readonly bytesFetched: number;
}

/** A file that is there: checksum only where it was taken or the marker has it. */
interface Kept {
  readonly bytes: number;
  readonly sha256: string | undefined;
  readonly fetched: boolean;
}

interface Progress {
  readonly kept: Map<string, Kept>;
  readonly faults: string[];
  readonly remarks: string[];
}

/**
 * Brings one brick in order. Never throws for what is wrong with the brick or its origin.
 *
 * @throws ABORTED; OUTPUT_UNWRITABLE: a full disk would fail every brick
 */
export async function cacheBrick(job: CacheJob, brick: string): Promise<CachedBrick> {
  const progress: Progress = { kept: new Map(), faults: [], remarks: [] };
  let location: string | null = null;
  try {
    const found = await locateBrick(job.cache, brick, job.bands);
    const folder = found?.folder ?? brickFolders(brick)[0];
    const marker = found?.files.has(BRICK_MARKER) ? await readBrickMarker(job.cache, folder) : undefined;
    const planes = planesOf(job.bands, job.psfsizeMaps);
    // The first one alone: a brick that the survey does not have costs one request, not ten.
    const [first, ...others] = planes;
    const isThere = await bringPlane(job, brick, folder, first, found, marker, progress);
    if (isThere || found !== undefined)
      await Promise.all(others.map((plane) => bringPlane(job, brick, folder, plane, found, marker, progress)));
    else progress.faults.splice(0, 1, absent(job, brick));
    if (progress.kept.size > 0) location = joinLocation(job.cache.location, folder);
    await mark(job, folder, marker, progress);
  } catch (error) {
    if (isArcletError(error, 'ABORTED') || isArcletError(error, 'OUTPUT_UNWRITABLE')) throw error;
    progress.faults.push(messageOf(error));
  }
  return rowOf(brick, location, progress);
}

function absent({ origin, cache }: CacheJob, brick: string): string {
  const [flat, survey] = brickFolders(brick);
  return origin === undefined
    ? `Brick ${brick} is not there: neither ${flat} nor ${survey} in ${cache.location} has files of it.`
    : `Brick ${brick} is not at ${origin.addressOf(brick)} (404).`;
}

/** Keeps or fetches the file of one plane. False when it is nowhere. */
async function bringPlane(
  job: CacheJob,
  brick: string,
  folder: string,
  plane: PlaneName,
  found: BrickLocation | undefined,
  marker: BrickMarker | undefined,
  { kept, faults, remarks }: Progress,
): Promise<boolean> {
  const name = found === undefined ? undefined : fileOf(found.files, brick, plane);
  return job.gate.through(async () => {
    let fault: string | undefined;
    try {
      if (name !== undefined) {
        const facts = await look(job, folder, name, found?.files.get(name) as number, plane, marker);
        kept.set(name, { ...facts, fetched: false });
        return true;
      }
    } catch (error) {
      fault = messageOf(error);
    }
    try {
      const { origin, cache, signal, patience } = job;
      const fetched = origin && (await fetchFile(origin, brick, plane, cache, folder, signal, patience));
      if (fetched !== undefined) {
        kept.set(fetched.name, { bytes: fetched.bytes, sha256: fetched.sha256, fetched: true });
        return true;
      }
    } catch (error) {
      if (isArcletError(error, 'ABORTED') || isArcletError(error, 'OUTPUT_UNWRITABLE')) throw error;
      fault = messageOf(error);
    }
    const where = job.origin === undefined ? joinLocation(job.cache.location, folder) : `${job.origin.addressOf(brick)} (404)`;
    // Without a map the PSF sizes of the manifest are used: no harm, but to be told.
    if (fault === undefined && plane.kind === 'psfsize') remarks.push(`no ${planeWords(plane)}`);
    else faults.push(fault ?? `There is no ${planeWords(plane)} in ${where}.`);
    return false;
  });
}

/** Looks at a file that is there. Throws INPUT_INVALID when it is not what it should be. */
async function look(
  job: CacheJob,
  folder: string,
  name: string,
  bytes: number,
  plane: PlaneName,
  marker: BrickMarker | undefined,
): Promise<{ bytes: number; sha256: string | undefined }> {
  const marked = marker?.files[name];
  const isAsMarked = marked?.bytes === bytes;
  if (isAsMarked && !job.force) return marked;
  const location = joinLocation(job.cache.location, folder, name);
  await checkFile(location, plane);
  if (marked !== undefined && !isAsMarked) throw new Error(`${location} is ${bytes} bytes, and its marker says ${marked.bytes}.`);
  // A cache that others keep is not read whole for checksums that nobody asked for.
  if (job.origin === undefined && !job.force) return { bytes, sha256: undefined };
  const facts = await hashOf(location);
  if (marked !== undefined && marked.sha256 !== facts.sha256)
    throw new Error(`${location} has another SHA-256 than its marker: ${facts.sha256}, not ${marked.sha256}.`);
  return facts;
}

async function hashOf(location: string): Promise<FileFacts> {
  const source = await openSource(location);
  try {
    return await digestOf(source);
  } finally {
    await source.close();
  }
}

/** Where bricks are fetched, a whole one gets its marker, and a broken one loses it. A cache that is only verified is left as it is. */
async function mark(
  { cache, origin, source }: CacheJob,
  folder: string,
  marker: BrickMarker | undefined,
  progress: Progress,
): Promise<void> {
  if (origin === undefined) return;
  if (progress.faults.length > 0) {
    if (marker !== undefined) await cache.delete(`${folder}/${BRICK_MARKER}`);
    return;
  }
  const names = [...progress.kept.keys()].sort();
  const files = Object.fromEntries(names.map((name) => [name, factsOf(progress.kept.get(name) as Kept)]));
  // Files of bands that were fetched before and are not wanted now stay marked.
  const all = { ...marker?.files, ...files };
  if (JSON.stringify(all) === JSON.stringify(marker?.files)) return;
  await writeBrickMarker(cache, folder, { files: all, source, utc: new Date().toISOString() });
}

const factsOf = ({ bytes, sha256 }: Kept): FileFacts => ({ bytes, sha256: sha256 as string });

function rowOf(brickname: string, location: string | null, { kept, faults, remarks }: Progress): CachedBrick {
  const all = [...kept.values()];
  const sum = (files: readonly Kept[]) => files.reduce((bytes, file) => bytes + file.bytes, 0);
  const fetched = all.filter((file) => file.fetched);
  const hasDigests = all.length > 0 && all.every(({ sha256 }) => sha256 !== undefined);
  return {
    brickname,
    ok: faults.length === 0,
    error: [...faults.sort(), ...remarks.sort()].join(' ') || null,
    location,
    bytes: sum(all),
    files: all.length,
    sha256: hasDigests ? digestOfAll(new Map([...kept].map(([name, file]) => [name, factsOf(file)]))) : null,
    filesFetched: fetched.length,
    bytesFetched: sum(fetched),
  };
}

const messageOf = (error: unknown): string => (error instanceof Error || isArcletError(error) ? error.message : String(error));
