/** The background of a frame on an engine: meshes on the device through kernel background-mesh, the grid and its maps here. */
import { type BackgroundMeshOptions, MAX_PIXELS, MAX_VALUE, meshWords } from '../../../../kernels/background-mesh/spec.ts';
import type { SourceBatch } from '../../../engine/batches.ts';
import { chainOf } from '../../../engine/compare.ts';
import type { Engine } from '../../../engine/face.ts';
import type { ImagePixels } from '../../../sky/detection/apertures-pixels.ts';
import {
  Background,
  type BackgroundOptions,
  type MeshGrid,
  measureBackground,
  meshGrid,
} from '../../../sky/detection/background.ts';
import { GOOD_PART, MeshStatistics } from '../../../sky/detection/background-mesh.ts';

/** Pixels of a batch: they stay in the cache between packing and upload. */
const BATCH_PIXELS = 2 ** 20;
/** A narrower noise may be lost among the squares of float32. */
const LEAST_RMS = 1e-15;

/**
 * As `measureBackground`, on the device of `engine` when told so. The default is this thread: cutting and uploading meshes takes it 10 ns a pixel, measuring
 * them 6 to 7, so a device saves nothing however fast it is (docs/detection.md). Levels from a device differ by up to 0.005 of the noise. Images of
 * float64, meshes of more than 65535 pixels, and single meshes that float32 cannot hold are measured on this thread in any case.
 */
export async function measureBackgroundWith(
  engine: Engine,
  image: ImagePixels,
  options: BackgroundOptions & { readonly mask?: Uint8Array } = {},
  where: 'cpu' | 'device' = 'cpu',
): Promise<Background> {
  const grid = meshGrid(image.width, image.height, options);
  const pixels = grid.meshWidth * grid.meshHeight;
  const fits = image.data instanceof Float32Array && image.data.length === grid.width * grid.height && pixels <= MAX_PIXELS;
  if (!fits || where === 'cpu') return measureBackground(image, options);
  const packer = new MeshPacker(image.data as Float32Array, options.mask, grid);
  const rowsPerBatch = Math.max(1, Math.floor(BATCH_PIXELS / (pixels * grid.columns)));
  function* batches(): Generator<SourceBatch> {
    for (let row = 0; row < grid.rows; row += rowsPerBatch) yield packer.pack(row, Math.min(rowsPerBatch, grid.rows - row));
  }
  const kernelOptions: BackgroundMeshOptions = { pixels };
  const chain = { ...chainOf(engine.registry['background-mesh'], kernelOptions), keep: ['level', 'rms', 'good'] };
  const level = new Float64Array(grid.columns * grid.rows);
  const rms = new Float64Array(level.length);
  let mesh = 0;
  const run = { batchItems: rowsPerBatch * grid.columns };
  for await (const { outputs, count } of engine.stream(chain, batches(), run)) {
    for (let item = 0; item < count; item++, mesh++) {
      const good = outputs['good'][item];
      const isUsable = good > 0 && good >= packer.area(mesh) * GOOD_PART;
      level[mesh] = isUsable ? outputs['level'][item] : Number.NaN;
      rms[mesh] = isUsable ? outputs['rms'][item] : Number.NaN;
      if (packer.isUnfit(mesh) || rms[mesh] < LEAST_RMS) packer.measureHere(mesh, level, rms);
    }
  }
  return new Background(grid, level, rms, options);
}

/** Cuts an image into meshes, each of them one stretch of pixels; what lies beyond the image is bad. */
class MeshPacker {
  readonly #data: Float32Array;
  readonly #mask: Uint8Array | undefined;
  readonly #grid: MeshGrid;
  readonly #unfit = new Set<number>();
  #statistics: MeshStatistics | undefined;

  constructor(data: Float32Array, mask: Uint8Array | undefined, grid: MeshGrid) {
    this.#data = data;
    this.#mask = mask;
    this.#grid = grid;
  }

  /** Has values whose squares leave float32. */
  isUnfit(mesh: number): boolean {
    return this.#unfit.has(mesh);
  }

  #box(mesh: number): { x: number; y: number; width: number; height: number } {
    const { width, height, meshWidth, meshHeight, columns } = this.#grid;
    const x = (mesh % columns) * meshWidth;
    const y = Math.floor(mesh / columns) * meshHeight;
    return { x, y, width: Math.min(meshWidth, width - x), height: Math.min(meshHeight, height - y) };
  }

  /** Pixels of it within the image. */
  area(mesh: number): number {
    const { width, height } = this.#box(mesh);
    return width * height;
  }

  pack(firstRow: number, rows: number): SourceBatch {
    const { columns, meshWidth, meshHeight } = this.#grid;
    const count = rows * columns;
    const pixels = meshWidth * meshHeight;
    const words = meshWords(pixels);
    const inputs = {
      'in:pixels': new Float32Array(count * pixels),
      'in:bad': new Uint32Array(count * words),
      'in:area': new Uint32Array(count),
    };
    for (let item = 0; item < count; item++) {
      const mesh = firstRow * columns + item;
      inputs['in:area'][item] = this.area(mesh);
      const values = inputs['in:pixels'].subarray(item * pixels, (item + 1) * pixels);
      this.#fill(mesh, values, inputs['in:bad'].subarray(item * words, (item + 1) * words));
    }
    return { inputs, count };
  }

  #fill(mesh: number, values: Float32Array, bad: Uint32Array): void {
    const { meshWidth, width: stride } = this.#grid;
    const { x, y, width, height } = this.#box(mesh);
    const isCut = width * height < values.length;
    if (isCut) bad.fill(0xffffffff);
    let largest = 0;
    for (let row = 0; row < height; row++) {
      const first = (y + row) * stride + x;
      let to = row * meshWidth;
      for (let at = first; at < first + width; at++, to++) {
        const value = this.#data[at];
        const isGood = value - value === 0 && (this.#mask === undefined || this.#mask[at] === 0);
        if (isGood) {
          values[to] = value;
          const size = Math.abs(value);
          if (size > largest) largest = size;
          if (isCut) bad[to >> 5] &= ~(1 << (to & 31));
        } else bad[to >> 5] |= 1 << (to & 31);
      }
    }
    if (largest > MAX_VALUE) {
      this.#unfit.add(mesh);
      values.fill(0);
    }
  }

  /** Measures a mesh on this thread. */
  measureHere(mesh: number, level: Float64Array, rms: Float64Array): void {
    const { meshWidth, meshHeight, width: stride } = this.#grid;
    const { x, y, width, height } = this.#box(mesh);
    this.#statistics ??= new MeshStatistics(meshWidth * meshHeight);
    this.#statistics.measure(this.#data, this.#mask, y * stride + x, stride, width, height);
    level[mesh] = this.#statistics.level;
    rms[mesh] = this.#statistics.rms;
  }
}
