/**
 * Pixels of a blend that no core holds, shared among the cores.
 *
 * Each core stands for an elliptical Gaussian; a pixel goes to a core with the probability of that core's share of the light there
 * (Bertin & Arnouts 1996, section 4). The draw is a Philox number keyed by the pixel, so it does not depend on the order of objects,
 * and a frame gives the same objects however often it is run.
 */
import { type PhiloxCounter, philox4x32, philoxKey } from '../../core/rng.ts';
import type { Core } from './deblend.ts';
import { type ObjectPixels, type ObjectShape, roomy } from './extract-buffers.ts';

/** Light beyond this exponent is none: exp(-70) is 4e-31. */
const FARTHEST = 70;
/** Less light than this from all cores together: the nearest core takes the pixel. */
const NO_LIGHT = 1e-31;
/** Side of the tiles that know which cores reach them, pixels. */
const TILE = 16;
const KEY = philoxKey(0);

/** The elliptical Gaussian of a core. */
interface Profile {
  readonly x: number;
  readonly y: number;
  readonly cxx: number;
  readonly cyy: number;
  readonly cxy: number;
  readonly amplitude: number;
}

function profileOf(core: ObjectShape, thresh: number): Profile {
  const area = 2 * Math.PI * core.abcor * core.a * core.b;
  const scale = 0.5 / core.abcor;
  return {
    x: core.x,
    y: core.y,
    cxx: core.cxx * scale,
    cyy: core.cyy * scale,
    cxy: core.cxy * scale,
    amplitude: Math.min(4 * core.cpeak, thresh * Math.exp(Math.min(core.npix / area, FARTHEST))),
  };
}

const distance = (profile: Profile, x: number, y: number): number => {
  const dx = x - profile.x;
  const dy = y - profile.y;
  return profile.cxx * dx * dx + profile.cyy * dy * dy + profile.cxy * dx * dy;
};

/** Shares the pixels of blends; keeps its scratch arrays. */
export class PixelSharer {
  #owner = new Int32Array(0);

  /** Pixel indices of every object: those of its core, then what it was given, each in raster order. `shapes[i]` is that of `cores[i]`, `thresh` the threshold of the whole. */
  share(pixels: ObjectPixels, cores: readonly Core[], shapes: readonly ObjectShape[], thresh: number): Int32Array[] {
    const { count, x, y } = pixels;
    this.#owner = roomy(this.#owner, count);
    const owner = this.#owner;
    owner.fill(-1, 0, count);
    for (let c = 0; c < cores.length; c++) for (const p of cores[c].pixels) owner[p] = c;
    const profiles = shapes.map((shape) => profileOf(shape, thresh));
    const tiles = new ReachTiles(pixels, shapes);
    const light = new Float64Array(cores.length);
    const words = new Uint32Array(4);
    const counter: [number, number, number, number] = [0, 0, 0, 0];
    for (let p = 0; p < count; p++) {
      if (owner[p] >= 0) continue;
      const near = tiles.at(x[p], y[p]);
      let total = 0;
      let closest = near[0];
      let least = Infinity;
      for (let i = 0; i < near.length; i++) {
        const profile = profiles[near[i]];
        const d = distance(profile, x[p], y[p]);
        if (d < FARTHEST) total += profile.amplitude * Math.exp(-d);
        light[i] = total;
        if (d < least) {
          least = d;
          closest = near[i];
        }
      }
      owner[p] = closest;
      if (total <= NO_LIGHT) continue;
      counter[0] = x[p];
      counter[1] = y[p];
      philox4x32(counter as PhiloxCounter, KEY, words);
      const drawn = (words[0] / 0x1_0000_0000) * total;
      for (let i = 0; i < near.length; i++) {
        if (light[i] > drawn) {
          owner[p] = near[i];
          break;
        }
      }
    }
    const sizes = new Int32Array(cores.length);
    for (let p = 0; p < count; p++) sizes[owner[p]]++;
    const members = cores.map((core, c) => {
      const list = new Int32Array(sizes[c]);
      list.set(core.pixels);
      sizes[c] = core.pixels.length;
      for (const p of core.pixels) owner[p] = -1;
      return list;
    });
    for (let p = 0; p < count; p++) if (owner[p] >= 0) members[owner[p]][sizes[owner[p]]++] = p;
    return members;
  }
}

/** Which cores reach which tile of the box around a blend: a pixel then looks at those only, however many cores there are. */
class ReachTiles {
  readonly #x0: number;
  readonly #y0: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #lists: (readonly number[])[];

  constructor(pixels: ObjectPixels, shapes: readonly ObjectShape[]) {
    let x0 = Infinity;
    let x1 = -Infinity;
    for (let p = 0; p < pixels.count; p++) {
      if (pixels.x[p] < x0) x0 = pixels.x[p];
      if (pixels.x[p] > x1) x1 = pixels.x[p];
    }
    this.#x0 = x0;
    this.#y0 = pixels.y[0];
    this.#columns = Math.floor((x1 - x0) / TILE) + 1;
    this.#rows = Math.floor((pixels.y[pixels.count - 1] - this.#y0) / TILE) + 1;
    const lists: number[][] = Array.from({ length: this.#columns * this.#rows }, () => []);
    shapes.forEach((shape, index) => {
      // Half sides of the box around the ellipse on which the exponent is FARTHEST.
      const determinant = shape.cxx * shape.cyy - (shape.cxy * shape.cxy) / 4;
      const dx = Math.sqrt((2 * FARTHEST * shape.abcor * shape.cyy) / determinant);
      const dy = Math.sqrt((2 * FARTHEST * shape.abcor * shape.cxx) / determinant);
      const from = this.#column(shape.x - dx);
      const to = this.#column(shape.x + dx);
      for (let row = this.#row(shape.y - dy); row <= this.#row(shape.y + dy); row++)
        for (let column = from; column <= to; column++) lists[row * this.#columns + column].push(index);
    });
    this.#lists = lists;
    this.#fillEmpty();
  }

  #column(x: number): number {
    return Math.max(0, Math.min(this.#columns - 1, Math.floor((x - this.#x0) / TILE)));
  }

  #row(y: number): number {
    return Math.max(0, Math.min(this.#rows - 1, Math.floor((y - this.#y0) / TILE)));
  }

  /** Cores that may have light at a pixel; where none has, those of the nearest tile that has some. */
  at(x: number, y: number): readonly number[] {
    return this.#lists[Math.floor((y - this.#y0) / TILE) * this.#columns + Math.floor((x - this.#x0) / TILE)];
  }

  /** Tiles out of reach take the list of a neighbour, from the filled ones outwards. */
  #fillEmpty(): void {
    const lists = this.#lists;
    let front: number[] = [];
    lists.forEach((list, tile) => {
      if (list.length > 0) front.push(tile);
    });
    while (front.length > 0) {
      const next: number[] = [];
      for (const tile of front) {
        const column = tile % this.#columns;
        const sides = [
          column > 0 ? tile - 1 : -1,
          column < this.#columns - 1 ? tile + 1 : -1,
          tile - this.#columns,
          tile + this.#columns,
        ];
        for (const side of sides) {
          if (side < 0 || side >= lists.length || lists[side].length > 0) continue;
          lists[side] = lists[tile];
          next.push(side);
        }
      }
      front = next;
    }
  }
}
