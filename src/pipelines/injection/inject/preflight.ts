/** A look at the first bricks before a campaign starts: a wrong prefix once made every row of ten million fail. */
import { ArcletError } from '../../../core/errors.ts';
import type { Dataset } from '../../dataset.ts';
import { openBrickReader } from '../bricks/reader.ts';
import type { InjectConfig } from '../config.ts';
import type { Part } from './parts.ts';

const BRICKS_TRIED = 5;

/** Throws INPUT_INVALID when none of the first bricks can be read. */
export async function checkFirstBricks(config: InjectConfig, manifest: Dataset, parts: readonly Part[]): Promise<void> {
  const bricks = new Map<string, { raDeg: number; decDeg: number }>();
  for (const part of parts.slice(0, BRICKS_TRIED)) {
    const { columns, rows } = await manifest.withPart(part.source, (table) =>
      table.readRowGroup(part.rowGroup, ['brickname', 'ra', 'dec']),
    );
    for (let row = 0; row < rows && bricks.size < BRICKS_TRIED; row++) {
      const brick = columns['brickname'][row] as string;
      if (!bricks.has(brick)) bricks.set(brick, { raDeg: Number(columns['ra'][row]), decDeg: Number(columns['dec'][row]) });
    }
    if (bricks.size === BRICKS_TRIED) break;
  }
  const reader = openBrickReader({
    cache: config.coaddCache as string,
    bands: config.bands,
    usePsfsizeMaps: config.usePsfsizeMaps,
    workers: 0,
  });
  try {
    let first: string | undefined;
    for (const [brick, target] of bricks) {
      const { failed } = await reader.cutouts(brick, [target], config.stampSizes[0]);
      if (failed === undefined) return;
      first ??= failed.message;
    }
    throw new ArcletError('INPUT_INVALID', `None of the first ${bricks.size} bricks can be read; the first: ${first}`, {
      subject: config.coaddCache,
      remedy:
        'Correct coadd_cache, or fetch the bricks with `arclet inject cache`; --force goes on and writes rows with this reason.',
      data: { bricks: [...bricks.keys()] },
    });
  } finally {
    await reader.close();
  }
}
