import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { openReaders } from '../../../src/pipelines/photometry/load-readers.ts';
import { ChunkPacker } from '../../../src/pipelines/photometry/white-pack.ts';
import { fieldConfig, freshFolder, SHAPE } from '../../support/fit-field.ts';

const started = vi.hoisted((): Worker[] => []);
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>();
  class Watched extends real.Worker {
    constructor(...words: ConstructorParameters<typeof real.Worker>) {
      super(...words);
      started.push(this);
    }
  }
  return { ...real, Worker: Watched };
});
afterEach(() => started.splice(0));

const [height, width] = SHAPE;

/** Readers of two images by two threads, and how to fill a chunk with all of their rows. */
async function readersOfTwo() {
  const config = await fieldConfig(
    freshFolder(),
    {
      images: [{ name: 'a.fits' }, { name: 'b.fits', cards: { FILTER: 'm425' } }],
      catalogue: 'RA,DEC\n',
      yaml: 'crop: {enabled: false}\n',
    },
    ['performance.frame_prep_workers=2'],
  );
  const images = await openImages(config);
  const readers = openReaders(config, images.frames, images.box);
  const layout = { bands: 2, runPixels: width * height };
  const packer = new ChunkPacker({ ...layout, width, rowsPerChunk: height, varianceFloor: 0, sigmas: images.frames });
  const fill = () => readers.fill(packer.begin(0, height), layout, images.box, { y0: 0, count: height, x0: 0, stride: width });
  const close = async () => {
    await readers.close();
    await images.close();
  };
  return { fill, close };
}

describe('threads that read', () => {
  it('die with an error for whoever comes after, not only for those that wait', async () => {
    const { fill, close } = await readersOfTwo();
    expect((await fill()).map(({ good }) => good)).toEqual([width * height, width * height]);
    expect(started).toHaveLength(2);
    await started[1].terminate();
    const died = { code: 'WORKER_DIED', remedy: expect.stringContaining('performance.frame_prep_workers') };
    await expect(fill()).rejects.toMatchObject(died);
    await expect(fill()).rejects.toMatchObject(died);
    await close();
  });

  it('die with an error for whoever waits', async () => {
    const { fill, close } = await readersOfTwo();
    const filled = fill();
    const refused = expect(filled).rejects.toMatchObject({
      code: 'WORKER_DIED',
      message: expect.stringContaining('exit status'),
    });
    await started[0].terminate();
    await refused;
    await close();
  });
});
