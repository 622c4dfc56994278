/** Picture of what Gaia adds to a catalogue, on the white stack that stage `load` wrote. */
import { readSection } from '../../../io/fits/index.ts';
import { openFitsFile } from '../../../io/fits/node.ts';
import type { FitConfig } from '../config.ts';
import type { CatalogueSource, LoadedField } from '../field.ts';
import { drawOverlay, type Marks } from '../overlay.ts';
import { Picture } from '../overlay-picture.ts';
import { inFolder, WHITE_FILE } from '../places.ts';
import type { GaiaBox } from './select.ts';

export interface Shown {
  /** Of the augmented catalogue; the first `originals` are its own. */
  readonly sources: readonly CatalogueSource[];
  readonly originals: number;
  /** Gaia sources that are saturated. */
  readonly saturated: Marks['places'];
  readonly selection: GaiaBox;
}

const CHUNK_PIXELS = 4e6;

/** The PNG, in the colours of tract7dt. Throws INPUT_UNREADABLE without a white stack. */
export async function gaiaPicture(config: FitConfig, { box }: LoadedField, shown: Shown): Promise<Uint8Array> {
  const picture = new Picture({ x0: 0, y0: 0, width: box.width, height: box.height }, config.overlay.downsampleFull);
  const file = await openFitsFile(inFolder(config.outputs.workDir, WHITE_FILE));
  try {
    const step = Math.max(1, Math.floor(CHUNK_PIXELS / box.width));
    for (let y0 = 0; y0 < box.height; y0 += step) {
      const count = Math.min(step, box.height - y0);
      const { data } = await readSection(file.hdus[0], [y0, 0], [count, box.width]);
      picture.add(y0, count, box.width, data as Float32Array);
    }
  } finally {
    await file.close();
  }
  const { selection, saturated, sources } = shown;
  const placed = sources.filter(({ x, y }) => Number.isFinite(x + y));
  const own = placed.filter(({ row }) => row < shown.originals);
  const groups: readonly Marks[] = [
    { label: 'catalogue', shape: 'circle', colour: '#00ffff', places: own },
    {
      label: 'matched with Gaia',
      shape: 'square',
      colour: '#00ff00',
      places: own.filter((source) => source.gaiaSourceId !== ''),
    },
    {
      label: 'injected from Gaia',
      shape: 'circle',
      colour: '#ff00ff',
      places: placed.filter(({ row }) => row >= shown.originals),
    },
    { label: 'Gaia, near saturated pixels', shape: 'cross', colour: '#ff0000', places: saturated },
    {
      label: 'left out, near saturated pixels',
      shape: 'cross',
      colour: '#ff0000',
      places: own.filter((source) => source.excludedSaturation),
    },
    { label: 'left out, outside', shape: 'cross', colour: '#ffa500', places: own.filter((source) => source.excludedCrop) },
  ];
  const { x0, x1, y0, y1 } = selection;
  return drawOverlay({
    title: 'White stack, catalogue and Gaia sources',
    picture,
    marks: groups
      .filter(({ places }) => places.length > 0)
      .map((marks) => ({ ...marks, label: `${marks.label}: ${marks.places.length}` })),
    outlines: [
      { box: { x0, y0, width: x1 - x0, height: y1 - y0 }, colour: '#ffff00', label: 'where Gaia sources are taken from' },
    ],
    dpi: config.plotting.dpi,
  });
}
