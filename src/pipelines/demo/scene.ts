/**
 * `arclet demo scene`: a synthetic field in medium bands, aligned, with truth, catalogue, Gaia table and a config that is ready to run. Photometry runs on
 * it on a fresh clone, and tests know what it must find.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ArcletError } from '../../core/errors.ts';
import { philoxKey } from '../../core/rng.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import { writeCsv } from '../../io/csv.ts';
import { encodeFits } from '../../io/fits/index.ts';
import { openParquetWriter } from '../../io/parquet.ts';
import { openStore } from '../../io/store/store.ts';
import { MOST_BANDS, sceneBands } from './scene/bands.ts';
import { sceneConfig } from './scene/config.ts';
import { type BandImage, bandCards, makeBandImage } from './scene/image.ts';
import { ScenePreview } from './scene/preview.ts';
import { sceneSources } from './scene/sources.ts';
import { catalogueTable, gaiaTable, listSources, type Table, truthTable } from './scene/tables.ts';
import { sceneWcs, sceneWcsCards } from './scene/wcs.ts';

/** Grows whenever the same options give other bytes. */
const GENERATOR = 1;
const LEAST_SIZE = 128;
const MOST_SIZE = 10_240;

export interface SceneOptions {
  /** 1 to 20; default 6. */
  readonly bands?: number;
  /** Pixels along a side; default 1536. */
  readonly size?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Centre of the field, deg; default (150.1, 2.2). */
  readonly ra?: number;
  readonly dec?: number;
  /** Difference of the sky between opposite edges in SKYSIG; default 0. */
  readonly skyGradient?: number;
  /** Version of arclet, for headers and records. */
  readonly version: string;
  /** Replace another scene in the folder. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface DemoScene {
  readonly folder: string;
  /** The ready config for `arclet fit`. */
  readonly config: string;
  readonly bands: readonly string[];
  /** Sources in the frame, rows of the catalogue, rows of the Gaia table. */
  readonly sources: number;
  readonly catalogued: number;
  readonly gaia: number;
  /** Of all files. */
  readonly bytes: number;
}

/** What decides the bytes. */
interface Identity {
  readonly generator: number;
  readonly version: string;
  readonly seed: number;
  readonly bands: number;
  readonly size: number;
  readonly ra_deg: number;
  readonly dec_deg: number;
  readonly sky_gradient: number;
}

interface FileFacts {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Makes a scene in `folder`: `images/<band>.fits`, `images.txt`, `catalogue.csv`, `gaia_xp.csv`, `truth.parquet`, `config.yaml`, `preview.png`, and at last
 * `scene.json` (options, checksums, defects), without which a scene is not whole. The same options give the same bytes; the
 * transcendental functions are those of the JavaScript engine, so a Node with another one could differ in the last bit of a pixel.
 *
 * @throws USAGE for options out of range, or when the folder holds another scene; OUTPUT_UNWRITABLE; ABORTED
 */
export async function makeDemoScene(folder: string, options: SceneOptions): Promise<DemoScene> {
  const { version, signal, force = false } = options;
  const identity: Identity = {
    generator: GENERATOR,
    version,
    seed: whole('seed', options.seed ?? 1, 0, 2 ** 31 - 1),
    bands: whole('bands', options.bands ?? 6, 1, MOST_BANDS),
    size: whole('size', options.size ?? 1536, LEAST_SIZE, MOST_SIZE),
    ra_deg: within('ra', options.ra ?? 150.1, 0, 360),
    dec_deg: within('dec', options.dec ?? 2.2, -90, 90),
    sky_gradient: within('sky gradient', options.skyGradient ?? 0, 0, 100),
  };
  await claim(folder, identity, force);
  const { seed, size, ra_deg: ra, dec_deg: dec } = identity;
  const key = philoxKey(seed);
  const bands = sceneBands(identity.bands);
  const sources = sceneSources(size, key);
  const centre = { ra, dec };
  const files: FileFacts[] = [];
  const defects: Record<string, Omit<BandImage, 'pixels'>> = {};
  const preview = new ScenePreview(bands, size);
  for (const band of bands) {
    if (signal?.aborted === true) throw stopped(folder, band.index, bands.length);
    const { pixels, ...found } = makeBandImage(band, size, sources, key, identity.sky_gradient);
    const cards = [...bandCards(band, seed, version), ...sceneWcsCards(centre, size)];
    files.push(
      await writeHashed(
        folder,
        `images/${band.name}.fits`,
        encodeFits([{ kind: 'image', data: pixels, shape: [size, size], cards }]),
      ),
    );
    defects[band.name] = found;
    preview.add(band, pixels);
    options.onProgress?.(band.index + 1, bands.length);
  }
  const listed = listSources(sources, sceneWcs(centre, size), size);
  const catalogue = catalogueTable(listed, bands, key);
  const gaia = gaiaTable(listed, bands, key);
  await writeTruth(folder, truthTable(listed, bands, size, key));
  files.push(
    await hashed(folder, 'truth.parquet'),
    await writeHashed(folder, 'catalogue.csv', await csvOf(catalogue)),
    await writeHashed(folder, 'gaia_xp.csv', await csvOf(gaia)),
    await writeHashed(folder, 'images.txt', [
      new TextEncoder().encode(bands.map(({ name }) => `images/${name}.fits\n`).join('')),
    ]),
    await writeHashed(folder, 'config.yaml', [new TextEncoder().encode(sceneConfig(size))]),
    await writeHashed(folder, 'preview.png', [preview.png()]),
  );
  const counts = {
    sources: listed.filter(({ inFrame }) => inFrame).length,
    catalogued: catalogue.batch.rows,
    gaia: gaia.batch.rows,
  };
  const record = { ...identity, band_names: bands.map(({ name }) => name), ...counts, defects, files };
  await writeFileAtomic(join(folder, 'scene.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  return {
    folder: resolve(folder),
    config: resolve(folder, 'config.yaml'),
    bands: record.band_names,
    ...counts,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function within(what: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new ArcletError('USAGE', `A demo scene cannot have ${what} ${value}.`, {
    subject: what,
    remedy: `Give a number from ${least} to ${most}.`,
  });
}

function whole(what: string, value: number, least: number, most: number): number {
  return within(what, Number.isSafeInteger(value) ? value : Number.NaN, least, most);
}

function stopped(folder: string, done: number, total: number): ArcletError {
  return new ArcletError('ABORTED', `The demo scene was stopped with ${done} of ${total} bands.`, {
    subject: folder,
    remedy: 'Run the command again; it begins anew.',
  });
}

/** Refuses a folder with another scene, and takes away scene.json of one that is about to be replaced: without it a scene is not whole. */
async function claim(folder: string, identity: Identity, force: boolean): Promise<void> {
  const path = join(folder, 'scene.json');
  const there = (await readJson(path)) as Partial<Identity> | undefined;
  if (there === undefined) return;
  const keys = ['seed', 'bands', 'size', 'ra_deg', 'dec_deg', 'sky_gradient'] as const;
  const other = keys.filter((key) => there[key] !== identity[key]);
  if (other.length > 0 && !force) {
    const words = other.map((key) => `${key} ${there[key]} instead of ${identity[key]}`).join(', ');
    throw new ArcletError('USAGE', `${folder} holds another demo scene (${words}).`, {
      subject: folder,
      remedy: 'Choose another folder, or give --force to replace it.',
    });
  }
  await rm(path, { force: true });
}

/** A JSON file; undefined when there is none, or it is none. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function csvOf({ schema, batch }: Table): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeCsv(schema, [batch])) chunks.push(chunk);
  return chunks;
}

async function writeTruth(folder: string, { schema, batch }: Table): Promise<void> {
  const store = await openStore(folder);
  const writer = openParquetWriter(await store.sink('truth.parquet'), schema);
  try {
    await writer.write(batch);
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    await store.close();
  }
}

async function writeHashed(folder: string, path: string, pieces: Iterable<Uint8Array>): Promise<FileFacts> {
  const hash = createHash('sha256');
  let bytes = 0;
  const told = function* () {
    for (const piece of pieces) {
      hash.update(piece);
      bytes += piece.length;
      yield piece;
    }
  };
  await writeFileAtomic(join(folder, path), told());
  return { path, bytes, sha256: hash.digest('hex') };
}

async function hashed(folder: string, path: string): Promise<FileFacts> {
  const bytes = await readFile(join(folder, path));
  return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
