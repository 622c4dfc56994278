/** A look at a few bricks before a campaign starts: a wrong prefix once made every row of ten million fail. */
import { ArcletError } from '../../../core/errors.ts';
import type { Dataset } from '../../dataset.ts';
import { openBrickReader } from '../bricks/reader.ts';
import type { InjectConfig } from '../config.ts';
import type { Part } from './parts.ts';

const BRICKS_TRIED = 5;

/**
 * Throws INPUT_INVALID when none of a few bricks can be read.
 *
 * @param parts of the whole campaign, whatever is done of it and whichever shard asks: the bricks that are left may all be ones that nobody has,
 * and then their rows are to be written with that reason
 */
export async function checkSomeBricks(config: InjectConfig, manifest: Dataset, parts: readonly Part[]): Promise<void> {
  const bricks = new Map<string, { raDeg: number; decDeg: number }>();
  for (const part of spread(parts, BRICKS_TRIED)) {
    const { columns } = await manifest.withPart(part.source, (table) =>
      table.readRowGroup(part.rowGroup, ['brickname', 'ra', 'dec']),
    );
    const names = columns['brickname'] as readonly string[];
    const firsts = [...new Map(names.map((name, row) => [name, row] as const).reverse())];
    // Of one part all five may be; of five parts one each.
    for (const [brick, row] of spread(firsts, Math.ceil(BRICKS_TRIED / parts.length)))
      bricks.set(brick, { raDeg: Number(columns['ra'][row]), decDeg: Number(columns['dec'][row]) });
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
    throw new ArcletError('INPUT_INVALID', `None of ${bricks.size} bricks of the campaign can be read; the first: ${first}`, {
      subject: config.coaddCache,
      remedy:
        'Correct coadd_cache, or fetch the bricks with `arclet inject cache`; --force goes on and writes rows with this reason.',
      data: { bricks: [...bricks.keys()] },
    });
  } finally {
    await reader.close();
  }
}

/** At most `count` items from all over a list, the first and the last among them. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  if (count === 1) return items.slice(0, 1);
  return Array.from({ length: count }, (_, at) => items[Math.round((at * (items.length - 1)) / (count - 1))]);
}
