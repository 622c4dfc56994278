/** Which files the pixels of a brick come from, as short text that changes when they do: what a finished part remembers of its bricks. */
import { createHash } from 'node:crypto';
import { isArcletError } from '../../../core/errors.ts';
import { openFits } from '../../../io/fits/index.ts';
import { openSource, openStore } from '../../../io/store/store.ts';
import { joinLocation } from '../layout.ts';
import { fileOf, locateBrick, planesOf } from './files.ts';
import { Gate } from './gate.ts';

export interface BrickIdentities {
  /**
   * 16 hex digits over the files of a brick's planes: names, sizes and all cards of their headers, among them DATASUM, CHECKSUM, ZDATASUM
   * and, of compressed images, the size of the heap; of .fits.gz the CRC-32 that ends it. No times, so that a copy is the same brick; of
   * a plain image without checksums another one with the same header is not told apart. Undefined when the brick cannot be read.
   */
  of(brick: string): Promise<string | undefined>;
  /** Those of several bricks that can be read, by name. */
  ofAll(bricks: Iterable<string>): Promise<Record<string, string>>;
}

const BRICKS_AT_ONCE = 4;

/** Identities of the bricks of a cache, each read once. */
export function brickIdentities(cache: string, bands: readonly string[], psfsizeMaps: boolean): BrickIdentities {
  const gate = new Gate(BRICKS_AT_ONCE);
  const known = new Map<string, Promise<string | undefined>>();
  const of = (brick: string) => {
    const found = known.get(brick) ?? gate.through(() => identityOf(cache, brick, bands, psfsizeMaps));
    known.set(brick, found);
    return found;
  };
  return {
    of,
    async ofAll(bricks) {
      const names = [...new Set(bricks)].sort();
      const found = await Promise.all(names.map(of));
      return Object.fromEntries(names.flatMap((name, at) => (found[at] === undefined ? [] : [[name, found[at]]])));
    },
  };
}

async function identityOf(
  cache: string,
  brick: string,
  bands: readonly string[],
  psfsizeMaps: boolean,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    const store = await openStore(cache);
    try {
      const found = await locateBrick(store, brick, bands);
      if (found === undefined) return undefined;
      for (const plane of planesOf(bands, psfsizeMaps)) {
        const name = fileOf(found.files, brick, plane);
        if (name === undefined) continue;
        hash.update(`${name} ${found.files.get(name)}\n`);
        hash.update(await contentMark(joinLocation(found.location, name)));
      }
    } finally {
      await store.close();
    }
  } catch (error) {
    // Its rows say why.
    if (!isArcletError(error)) throw error;
    return undefined;
  }
  return hash.digest('hex').slice(0, 16);
}

/** Text that is in the file already and depends on its pixels. */
async function contentMark(location: string): Promise<string> {
  const source = await openSource(location);
  try {
    // The last eight bytes are the checksum and the length of what is packed.
    if (location.endsWith('.gz')) return Buffer.from(await source.read(Math.max(0, source.size - 8), Math.min(8, source.size))).toString('hex'); // biome-ignore format: one line
    const { hdus } = await openFits(source);
    return hdus.flatMap(({ header }) => header.cards.map(({ keyword, value }) => `${keyword}=${String(value)}\n`)).join('');
  } finally {
    await source.close();
  }
}
