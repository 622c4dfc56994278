/** A field with truth, and `arclet detect` run on it as a stage. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { nodeEnvironment } from '../../src/index.ts';
import type { NewCard } from '../../src/io/fits/index.ts';
import { writeFits } from '../../src/io/fits/node.ts';
import { withTable } from '../../src/pipelines/files/tables.ts';
import { loadDetectConfig } from '../../src/pipelines/photometry/detect/config.ts';
import { detectRecord, detectStage } from '../../src/pipelines/photometry/detect/stage.ts';
import { getObject } from '../../src/pipelines/photometry/places.ts';
import { runStage } from '../../src/pipelines/runner.ts';
import { tangent } from '../pipelines/files/support.ts';

export const FOLDER = mkdtempSync(join(tmpdir(), 'arclet-detect-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));
export const at = (name: string) => join(FOLDER, name);

export const WIDTH = 260;
export const HEIGHT = 200;
export const SIGMA = 1.5;
export const NOISE = 2;

/** Stars on a grid with offsets that are no whole pixels: x, y, flux. The last one stands beside the first. */
export const STARS: readonly (readonly [number, number, number])[] = [
  ...Array.from(
    { length: 20 },
    (_, k) => [30 + 50 * (k % 5) + 0.13 * k, 25 + 45 * Math.floor(k / 5) + 0.07 * k, 3000 + 400 * k] as const,
  ),
  [37.2, 25.1, 2500],
];

/** A sky of 100 with a slope, noise of 2, and stars; row 0 has a NaN. */
function field(): Float32Array<ArrayBuffer> {
  const random = new PhiloxStream(philoxKey(5));
  const data = new Float32Array(WIDTH * HEIGHT);
  for (let p = 0; p < data.length; p++) data[p] = 100 + 0.02 * (p % WIDTH) + NOISE * random.normal();
  for (const [x, y, flux] of STARS) {
    for (let iy = Math.floor(y) - 9; iy <= y + 9; iy++)
      for (let ix = Math.floor(x) - 9; ix <= x + 9; ix++)
        data[iy * WIDTH + ix] +=
          (flux / (2 * Math.PI * SIGMA ** 2)) * Math.exp(-((ix - x) ** 2 + (iy - y) ** 2) / (2 * SIGMA ** 2));
  }
  data[3] = Number.NaN;
  return data;
}

export const CARDS: NewCard[] = [
  ...tangent(130.5, 100.5),
  { keyword: 'EGAIN', value: 2, type: 'float' },
  { keyword: 'SATURATE', value: 800, type: 'float' },
  { keyword: 'ZP_AUTO', value: 25, type: 'float' },
];
export const image = (name: string, data: Float32Array<ArrayBuffer>, cards = CARDS, shape: readonly number[] = [HEIGHT, WIDTH]) =>
  writeFits(at(name), [{ kind: 'image', data, shape, unit: 'adu', cards }]).then(() => at(name));
export const PIXELS = field();
export const FIELD = await image('field.fits', PIXELS);

export async function detect(flags: Record<string, string>, signal = new AbortController().signal) {
  const told: string[] = [];
  const loaded = await loadDetectConfig({ flags: { image: FIELD, threshold: '3', ...flags }, cwd: FOLDER });
  const finished = await runStage(detectStage, loaded, {
    log: { info: (_event, message) => void told.push(message), progress: () => undefined },
    version: 'test',
    shard: { index: 0, count: 1 },
    force: false,
    signal,
    openEngine: () => openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment),
    recordLocation: detectRecord(loaded.config),
  });
  const record = JSON.parse(new TextDecoder().decode(await getObject(detectRecord(loaded.config))));
  return { ...finished, told, record };
}

export type Row = Record<string, number> & { readonly ID: string };

export async function rowsOf(name: string): Promise<Row[]> {
  return withTable(at(name), undefined, async ({ schema, batches }) => {
    const rows: Row[] = [];
    for await (const { rows: count, columns } of batches())
      for (let row = 0; row < count; row++)
        rows.push(Object.fromEntries(schema.columns.map(({ name: column }) => [column, columns[column][row]])) as Row);
    return rows;
  });
}

export const nearest = (rows: readonly Row[], x: number, y: number): Row =>
  rows.reduce((best, row) =>
    Math.hypot(row['x_px'] - x, row['y_px'] - y) < Math.hypot(best['x_px'] - x, best['y_px'] - y) ? row : best,
  );
