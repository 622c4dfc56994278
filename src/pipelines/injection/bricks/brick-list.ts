/** Which bricks a campaign needs. */
import { ArcletError } from '../../../core/errors.ts';
import { openStore } from '../../../io/store/store.ts';
import { openDataset } from '../../dataset.ts';
import { chooseColumns, withTable } from '../../files/tables.ts';
import { joinLocation, type LayoutConfig, manifestFolder } from '../layout.ts';
import { openManifest, readMarker } from '../manifest/read.ts';

/** Table of the bricks of all experiments, beside them. */
export const BRICKS_MANIFEST = 'bricks_manifest.parquet';

/**
 * Names of all bricks, each once, in order: of a finished manifest, else of the targets.
 *
 * @throws CONFIG_INVALID when there is neither; INPUT_INVALID, INPUT_UNREADABLE
 */
export async function bricksOf(
  layout: LayoutConfig & { readonly experimentId?: string | undefined },
  targets: string | undefined,
): Promise<string[]> {
  const bricks = new Set<string>();
  const folder = manifestFolder(layout);
  const store = await openStore(folder);
  const marker = await readMarker(store).finally(() => store.close());
  if (marker !== undefined) {
    const experiments = new Set((await openManifest(layout)).experiments);
    const dataset = await openDataset(joinLocation(folder, BRICKS_MANIFEST));
    try {
      for await (const { columns } of dataset.batches(['experiment_id', 'brickname'])) {
        const ids = columns['experiment_id'] as readonly string[];
        addAll(
          bricks,
          (columns['brickname'] as readonly string[]).filter((_, row) => experiments.has(ids[row])),
        );
      }
    } finally {
      await dataset.close();
    }
  } else if (targets !== undefined) {
    await withTable(targets, undefined, async ({ schema, batches }) => {
      const { name } = chooseColumns(targets, schema, ['brickname']).columns[0];
      for await (const { columns } of batches([name])) addAll(bricks, columns[name]);
    });
  } else {
    throw new ArcletError('CONFIG_INVALID', `${folder} holds no finished manifest, and the config names no targets.`, {
      subject: 'targets',
      remedy: 'Run `arclet inject manifest` first, or add targets to the config.',
    });
  }
  return [...bricks].sort();
}

function addAll(bricks: Set<string>, names: ArrayLike<unknown>): void {
  for (let row = 0; row < names.length; row++) {
    const name = names[row];
    // FITS pads names with blanks; a target without a brick is the manifest's to reject.
    if (typeof name === 'string' && name.trim() !== '') bricks.add(name.trim());
  }
}
