/**
 * Catalogues of real galaxies as GalSim's RealGalaxyCatalog has them: rows that name a file and an HDU, the pixel scale, and an image of the
 * correlation function of the noise (Mandelbaum et al. 2012; COSMOS F814W).
 */
import { readSection } from '../../../io/fits/index.ts';
import { withTable } from '../../files/tables.ts';
import { type Candidate, type Loaded, loadStamp, type SourceOptions } from './candidate.ts';
import { cells } from './galaxy-tables.ts';
import { refused } from './rules.ts';
import type { FitsShelf } from './shelf.ts';
import { MOST_LAG } from './sky.ts';

/** Candidates of a catalogue, row by row. Throws INPUT_UNREADABLE, INPUT_INVALID where the table cannot be read. */
export async function* realGalaxyCandidates(
  location: string,
  shelf: FitsShelf,
  { imagesFolder, inputPixscaleArcsec }: SourceOptions,
): AsyncGenerator<Candidate> {
  const folder = imagesFolder?.replace(/\/+$/, '') ?? /^(.*)\/[^/]*$/s.exec(location)?.[1] ?? '.';
  const rows = await withTable(location, undefined, (table) =>
    cells(table, ['GAL_FILENAME', 'GAL_HDU', 'PIXEL_SCALE', 'NOISE_FILENAME']),
  );
  const correlations = new Map<string, Promise<number | undefined>>();
  for (const [row, values] of rows.entries()) {
    const { GAL_FILENAME: name, GAL_HDU: hdu, PIXEL_SCALE: scale, NOISE_FILENAME: noise } = values;
    const load = async (): Promise<Loaded> => {
      const wrong = typeof name !== 'string' || name === '' ? 'GAL_FILENAME' : Number.isInteger(Number(hdu)) ? '' : 'GAL_HDU';
      if (wrong !== '') return refused('UNREADABLE', `the row has no ${wrong}`);
      // Looked up first: the shelf may close a file when it opens another.
      let correlation: number | undefined;
      if (typeof noise === 'string' && noise !== '') {
        if (!correlations.has(noise)) correlations.set(noise, correlationOf(shelf, `${folder}/${noise}`));
        correlation = await correlations.get(noise);
      }
      const pixel = Number(scale) > 0 ? Number(scale) : inputPixscaleArcsec;
      const loaded = await loadStamp(await shelf.get(`${folder}/${name}`), Number(hdu), 0, pixel);
      return 'stamp' in loaded ? { stamp: { ...loaded.stamp, noiseCorrelation: correlation } } : loaded;
    };
    yield { source: `${location} row ${row}`, load };
  }
}

/** As {@link noiseCorrelation} of sky.ts, from the image of a correlation function; undefined where there is none. */
async function correlationOf(shelf: FitsShelf, location: string): Promise<number | undefined> {
  const hdu = await shelf.get(location).then((file) => file.hdus[0]).catch(() => undefined); // biome-ignore format: one chain
  if (hdu === undefined || hdu.axes.length !== 2) return undefined;
  const [height, width] = hdu.axes.toReversed();
  const side = 2 * MOST_LAG + 1;
  if (height < side || width < side) return undefined;
  const start = [(height - side) >> 1, (width - side) >> 1];
  const section = await readSection(hdu, start, [side, side]).catch(() => undefined);
  if (section === undefined) return undefined;
  const values = Float64Array.from(section.data as Float64Array, Number);
  const zeroLag = values[(values.length - 1) / 2];
  const ratio = values.reduce((sum, value) => sum + value, 0) / zeroLag;
  return zeroLag > 0 && Number.isFinite(ratio) ? Math.sqrt(Math.max(1, ratio)) : undefined;
}
