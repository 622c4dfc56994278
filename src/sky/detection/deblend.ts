/**
 * Splitting of blended objects: the multi-threshold tree of Bertin & Arnouts (1996, section 4).
 *
 * Levels lie exponentially between threshold and peak. Components of each level are the nodes of a tree; going down from the top, where
 * two or more branches of a node stand out, they become objects. Instead of labelling every branch again at every level, the tree is grown
 * from the peak down: pixels join a union-find forest level by level, so that time and memory are linear in the pixels of the object.
 */
import { type ObjectPixels, roomy } from './extract-buffers.ts';

/** Pixels that a branch needs above its level, if a detection does not need fewer: cores are smaller than objects. */
const BRANCH_AREA = 3;

/** When a blend is split. */
export interface DeblendRules {
  /** Levels between threshold and peak, threshold included. */
  readonly levels: number;
  /** Part of the flux of the whole object that a branch must hold above its level, in [0, 1]. */
  readonly contrast: number;
  /** Least pixels of a detection. */
  readonly minarea: number;
}

/** One core: a component at `thresh` that stands out. `pixels` are indices into the object's pixels in raster order. */
export interface Core {
  readonly pixels: Int32Array;
  readonly thresh: number;
}

/** A component at one level; its pixels are the first `count` of the list that begins at `root`. */
interface Branch {
  root: number;
  readonly count: number;
  /** True while nothing above it was split. */
  readonly whole: boolean;
}

/** Finds the cores of blends; keeps its scratch arrays from one object to the next. */
export class Deblender {
  readonly #rules: DeblendRules;
  #level = new Uint8Array(0);
  #below = new Int32Array(0);
  #above = new Int32Array(0);
  #byLevel = new Int32Array(0);
  #parent = new Int32Array(0);
  #next = new Int32Array(0);
  #tail = new Int32Array(0);
  #size = new Int32Array(0);
  #flux = new Float64Array(0);
  #roots = new Int32Array(0);

  constructor(rules: DeblendRules) {
    this.#rules = rules;
  }

  /** The cores of an object with threshold `thresh`, total filtered flux `flux` and filtered peak `peak`; none when it is one object. */
  cores(pixels: ObjectPixels, thresh: number, peak: number, flux: number): Core[] {
    const { levels, contrast } = this.#rules;
    const minarea = Math.min(this.#rules.minarea, BRANCH_AREA);
    if (levels < 2 || pixels.count < 2 * minarea || !(peak > thresh) || contrast >= 1) return [];
    const heights = Float64Array.from({ length: levels }, (_, k) => thresh * (peak / thresh) ** (k / levels));
    const starts = this.#sortByLevel(pixels, heights);
    // Two branches must fit above the first level.
    if (starts[0] < 2 * minarea) return [];
    this.#findRows(pixels);
    const least = contrast * flux;
    const cores: Core[] = [];
    let branches: Branch[] = [];
    let rootCount = 0;
    for (let k = levels - 1; k >= 1; k--) {
      for (let i = starts[k]; i < starts[k - 1]; i++) this.#roots[rootCount++] = this.#activate(pixels, this.#byLevel[i]);
      const whole = this.#split(branches, heights[k + 1], cores);
      branches = [];
      let kept = 0;
      for (let i = 0; i < rootCount; i++) {
        const root = this.#roots[i];
        if (this.#parent[root] !== root) continue;
        this.#roots[kept++] = root;
        const count = this.#size[root];
        if (count < minarea || !(this.#flux[root] - heights[k] * count > least)) continue;
        branches.push({ root, count, whole: whole.get(root) ?? true });
      }
      rootCount = kept;
    }
    // At the threshold itself everything is connected.
    if (branches.length > 1) {
      const found = branches.filter((branch) => branch.whole).map((branch) => this.#core(branch, heights[1]));
      pushInScanOrder(cores, found);
    }
    return cores;
  }

  /** Branches that now share a node become cores; tells which nodes are still whole. */
  #split(branches: readonly Branch[], thresh: number, cores: Core[]): Map<number, boolean> {
    const whole = new Map<number, boolean>();
    if (branches.length === 1) {
      whole.set(this.#find(branches[0].root), branches[0].whole);
      return whole;
    }
    const sons = new Map<number, number>();
    for (const branch of branches) {
      const node = this.#find(branch.root);
      sons.set(node, (sons.get(node) ?? 0) + 1);
    }
    const found: Core[] = [];
    for (const branch of branches) {
      const node = this.#find(branch.root);
      const split = (sons.get(node) ?? 0) > 1;
      if (split && branch.whole) found.push(this.#core(branch, thresh));
      whole.set(node, branch.whole && !split);
    }
    pushInScanOrder(cores, found);
    return whole;
  }

  /** Lists are only ever appended to, so the first `count` pixels of a root's list are what they were when the branch was noted. */
  #core(branch: Branch, thresh: number): Core {
    const pixels = new Int32Array(branch.count);
    for (let i = 0, p = branch.root; i < branch.count; i++, p = this.#next[p]) pixels[i] = p;
    return { pixels: pixels.sort(), thresh };
  }

  /** Pixels from the highest level to the first; `starts[k - 1]` ends those of level k, level 0 (below every height but the threshold) is left out. */
  #sortByLevel(pixels: ObjectPixels, heights: Float64Array): Int32Array {
    const { count, filtered } = pixels;
    const top = heights.length - 1;
    this.#level = roomy(this.#level, count);
    const level = this.#level;
    const starts = new Int32Array(top + 1);
    for (let p = 0; p < count; p++) {
      const value = filtered[p];
      let low = 0;
      let high = top;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (value > heights[middle]) low = middle;
        else high = middle - 1;
      }
      level[p] = low;
      if (low > 0) starts[low - 1]++;
    }
    for (let k = top - 1; k >= 0; k--) starts[k] += starts[k + 1];
    this.#byLevel = roomy(this.#byLevel, starts[0]);
    const fill = starts.slice();
    for (let p = count - 1; p >= 0; p--) if (level[p] > 0) this.#byLevel[--fill[level[p] - 1]] = p;
    return starts;
  }

  /** For every pixel the first pixel of the row below and above whose x is at least x - 1 (of a later row or the end when there is none). */
  #findRows(pixels: ObjectPixels): void {
    const { count, x, y } = pixels;
    this.#below = roomy(this.#below, count);
    this.#above = roomy(this.#above, count);
    this.#parent = roomy(this.#parent, count);
    this.#next = roomy(this.#next, count);
    this.#tail = roomy(this.#tail, count);
    this.#size = roomy(this.#size, count);
    this.#flux = roomy(this.#flux, count);
    this.#roots = roomy(this.#roots, count);
    this.#parent.fill(-1, 0, count);
    for (let p = 0, q = 0; p < count; p++) {
      while (y[q] < y[p] - 1 || (y[q] === y[p] - 1 && x[q] < x[p] - 1)) q++;
      this.#below[p] = q;
    }
    for (let p = 0, q = 0; p < count; p++) {
      while (q < count && (y[q] <= y[p] || (y[q] === y[p] + 1 && x[q] < x[p] - 1))) q++;
      this.#above[p] = q;
    }
  }

  #find(p: number): number {
    const parent = this.#parent;
    while (parent[p] !== p) {
      parent[p] = parent[parent[p]];
      p = parent[p];
    }
    return p;
  }

  #activate(pixels: ObjectPixels, p: number): number {
    const { count, x, y } = pixels;
    const parent = this.#parent;
    parent[p] = p;
    this.#next[p] = -1;
    this.#tail[p] = p;
    this.#size[p] = 1;
    this.#flux[p] = pixels.filtered[p];
    const column = x[p];
    const row = y[p];
    if (p > 0 && parent[p - 1] >= 0 && y[p - 1] === row && x[p - 1] === column - 1) this.#unite(p, p - 1);
    if (p + 1 < count && parent[p + 1] >= 0 && y[p + 1] === row && x[p + 1] === column + 1) this.#unite(p, p + 1);
    for (let q = this.#below[p]; q < count && y[q] === row - 1 && x[q] <= column + 1; q++) if (parent[q] >= 0) this.#unite(p, q);
    for (let q = this.#above[p]; q < count && y[q] === row + 1 && x[q] <= column + 1; q++) if (parent[q] >= 0) this.#unite(p, q);
    return p;
  }

  #unite(p: number, q: number): void {
    let root = this.#find(p);
    let other = this.#find(q);
    if (root === other) return;
    if (this.#size[root] < this.#size[other]) [root, other] = [other, root];
    this.#parent[other] = root;
    this.#next[this.#tail[root]] = other;
    this.#tail[root] = this.#tail[other];
    this.#size[root] += this.#size[other];
    this.#flux[root] += this.#flux[other];
  }
}

/** As a scan from the lowest row up completes them: by their last pixel. */
function pushInScanOrder(cores: Core[], found: Core[]): void {
  for (const core of found.sort((p, q) => p.pixels[p.pixels.length - 1] - q.pixels[q.pixels.length - 1])) cores.push(core);
}
