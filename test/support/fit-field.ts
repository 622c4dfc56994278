/** Small fields for tests of photometry: images, image list, catalogue and config in a folder. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../src/engine/face.ts';
import { openEngine } from '../../src/index.ts';
import { encodeFits, FitsHeader, type HeaderValue } from '../../src/io/fits/index.ts';
import type { FitConfig } from '../../src/pipelines/photometry/config.ts';
import { loadFitConfig } from '../../src/pipelines/photometry/load-config.ts';
import { inspectField } from '../../src/pipelines/photometry/load-field.ts';
import type { StageContext } from '../../src/pipelines/stage.ts';

export const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'fit-field-'));

export type Cards = Readonly<Record<string, HeaderValue | undefined>>;

/** TAN, 0.5 arcsec per px, reference pixel in the middle of 100 x 80 px. */
export const WCS_CARDS: Cards = {
  CTYPE1: 'RA---TAN',
  CTYPE2: 'DEC--TAN',
  CRVAL1: 150.25,
  CRVAL2: 2.5,
  CRPIX1: 50.5,
  CRPIX2: 40.5,
  CD1_1: -0.5 / 3600,
  CD1_2: 0,
  CD2_1: 0,
  CD2_2: 0.5 / 3600,
};
export const KEYWORDS: Cards = { ...WCS_CARDS, FILTER: 'm400', ZP_AUTO: 24, SKYSIG: 2, EGAIN: 1.5, SATURATE: 1000, PEEING: 3.2 };

type Pixels = Float32Array | Int16Array<ArrayBuffer>;

/** Writes an image; cards that are undefined are left out. */
export function writeImage(path: string, data: Pixels, [height, width]: readonly [number, number], cards: Cards): void {
  const given = Object.entries(cards).flatMap(([keyword, value]) => (value === undefined ? [] : [{ keyword, value }]));
  const header = FitsHeader.of(given);
  writeFileSync(path, Buffer.concat([...encodeFits([{ kind: 'image', data: data.slice(), shape: [height, width], header }])]));
}

export interface FieldFiles {
  /** File name and cards beyond {@link KEYWORDS}, with pixels or without (constant 10). */
  readonly images: readonly {
    readonly name: string;
    readonly cards?: Cards;
    readonly data?: Pixels;
    readonly shape?: readonly [number, number];
  }[];
  readonly catalogue: string;
  /** YAML of further sections. */
  readonly yaml?: string;
  /** YAML of further keys of inputs, indented by two. */
  readonly inputs?: string;
}

export const SHAPE: readonly [number, number] = [80, 100];

/** Writes a field and gives the path of its config. */
export function writeField(folder: string, { images, catalogue, yaml = '', inputs = '' }: FieldFiles): string {
  for (const { name, cards, data, shape = SHAPE } of images)
    writeImage(join(folder, name), data ?? new Float32Array(shape[0] * shape[1]).fill(10), shape, { ...KEYWORDS, ...cards });
  writeFileSync(join(folder, 'images.txt'), images.map(({ name }) => `${name}\n`).join(''));
  writeFileSync(join(folder, 'cat.csv'), catalogue);
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `inputs:\n  input_catalog: cat.csv\n  image_list_file: images.txt\n${inputs}outputs:\n  work_dir: work\n${yaml}`,
  );
  return path;
}

export async function fieldConfig(folder: string, files: FieldFiles, sets: readonly string[] = []): Promise<FitConfig> {
  return (await loadFitConfig({ path: writeField(folder, files), sets })).config;
}

/** A field of one image and one source that is not cropped; for faults of something else. */
export const PLAIN_FIELD: FieldFiles = {
  images: [{ name: 'a.fits' }],
  catalogue: 'RA,DEC\n150.25,2.5\n',
  yaml: 'crop: {enabled: false}\n',
};

/** What is wrong with {@link PLAIN_FIELD} and these changes. Throws when nothing is. */
export async function fieldFailure(files: Partial<FieldFiles>, sets: readonly string[] = []) {
  const config = await fieldConfig(freshFolder(), { ...PLAIN_FIELD, ...files }, sets);
  try {
    const { images } = await inspectField(config);
    await images.close();
  } catch (error) {
    return error as Error & { code: string; remedy: string; data: Record<string, unknown> };
  }
  throw new Error('nothing was wrong');
}

/** A context that keeps what is logged and noted; its engine computes in this thread. */
export function testContext(): StageContext & {
  readonly lines: string[];
  readonly notes: Record<string, unknown>;
  close(): Promise<void>;
} {
  let engine: Promise<Engine> | undefined;
  const lines: string[] = [];
  const notes: Record<string, unknown> = {};
  return {
    lines,
    notes,
    signal: new AbortController().signal,
    log: { info: (_event, message) => lines.push(message), progress: () => undefined },
    version: 'test',
    shard: { index: 0, count: 1 },
    force: false,
    record: {
      configHash: '',
      current: notes,
      async note(facts) {
        Object.assign(notes, facts);
      },
    },
    engine() {
      engine ??= openEngine({ backend: 'cpu', workers: 0 });
      return engine;
    },
    close: async () => (await engine)?.close(),
  };
}
