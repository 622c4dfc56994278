/**
 * Components of 8-connected detected pixels, by union-find on runs: memory and time follow the detected pixels, not the image.
 *
 * K. Wu, E. Otoo and K. Suzuki, "Optimizing two-pass connected-component labeling algorithms", Pattern Anal. Applic. 12, 117 (2009), with
 * runs in place of pixels.
 */
import { grown } from './extract-buffers.ts';
import type { RowRuns } from './filter.ts';

/** Runs of every component of at least `minarea` pixels. Runs of component c are `order[start[c]]` to `order[start[c + 1] - 1]`, in raster order. */
export interface Components {
  readonly count: number;
  readonly start: Int32Array;
  readonly order: Int32Array;
  readonly pixels: Int32Array;
  readonly row: Int32Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Where the filtered values of a run begin in `filtered`. */
  readonly offset: Float64Array;
  readonly filtered: Float32Array;
  /** Detected pixels, small components included. */
  readonly detectedPixels: number;
  /** Components that were too small. */
  readonly tooSmall: number;
}

/** Collects rows of runs; rows come from the lowest up. */
export class ComponentLabels {
  #count = 0;
  #row = new Int32Array(1024);
  #first = new Int32Array(1024);
  #last = new Int32Array(1024);
  #parent = new Int32Array(1024);
  #offset = new Float64Array(1024);
  #filtered = new Float32Array(4096);
  #pixels = 0;
  /** Runs of the row before. */
  #previousFrom = 0;
  #previousTo = 0;
  #previousRow = -2;

  add(y: number, runs: RowRuns): void {
    const from = this.#count;
    const to = from + runs.count;
    this.#row = grown(this.#row, to);
    this.#first = grown(this.#first, to);
    this.#last = grown(this.#last, to);
    this.#parent = grown(this.#parent, to);
    this.#offset = grown(this.#offset, to);
    this.#filtered = grown(this.#filtered, this.#pixels + runs.pixels);
    this.#filtered.set(runs.filtered.subarray(0, runs.pixels), this.#pixels);
    let above = this.#previousRow === y - 1 ? this.#previousFrom : this.#previousTo;
    for (let i = 0; i < runs.count; i++) {
      const run = from + i;
      const first = runs.first[i];
      const last = runs.last[i];
      this.#row[run] = y;
      this.#first[run] = first;
      this.#last[run] = last;
      this.#offset[run] = this.#pixels;
      this.#pixels += last - first + 1;
      this.#parent[run] = run;
      while (above < this.#previousTo && this.#last[above] < first - 1) above++;
      // The last run that touches may touch the next one too: it is looked at again.
      for (let other = above; other < this.#previousTo && this.#first[other] <= last + 1; other++) this.#unite(other, run);
    }
    this.#count = to;
    if (runs.count > 0) {
      this.#previousFrom = from;
      this.#previousTo = to;
      this.#previousRow = y;
    }
  }

  #find(run: number): number {
    const parent = this.#parent;
    while (parent[run] !== run) {
      parent[run] = parent[parent[run]];
      run = parent[run];
    }
    return run;
  }

  /** The earlier run becomes the root, so that roots do not depend on the order of unions. */
  #unite(a: number, b: number): void {
    const rootA = this.#find(a);
    const rootB = this.#find(b);
    if (rootA < rootB) this.#parent[rootB] = rootA;
    else this.#parent[rootA] = rootB;
  }

  /** Components of at least `minarea` pixels in the order in which a scan from the lowest row up completes them: by their last run. */
  components(minarea: number): Components {
    const runs = this.#count;
    const size = new Int32Array(runs);
    const lastRun = new Int32Array(runs);
    for (let run = 0; run < runs; run++) {
      const root = this.#find(run);
      size[root] += this.#last[run] - this.#first[run] + 1;
      lastRun[root] = run;
    }
    // Going through the runs once more, a component is numbered when its last run comes by.
    const number = new Int32Array(runs).fill(-1);
    let count = 0;
    let tooSmall = 0;
    for (let run = 0; run < runs; run++) {
      const root = this.#find(run);
      if (lastRun[root] !== run) continue;
      if (size[root] >= minarea) number[root] = count++;
      else tooSmall++;
    }
    const start = new Int32Array(count + 1);
    const pixels = new Int32Array(count);
    for (let run = 0; run < runs; run++) {
      const component = number[this.#find(run)];
      if (component < 0) continue;
      start[component + 1]++;
      pixels[component] += this.#last[run] - this.#first[run] + 1;
    }
    for (let c = 0; c < count; c++) start[c + 1] += start[c];
    const order = new Int32Array(start[count]);
    const next = start.slice(0, count);
    for (let run = 0; run < runs; run++) {
      const component = number[this.#find(run)];
      if (component >= 0) order[next[component]++] = run;
    }
    return {
      count,
      start,
      order,
      pixels,
      row: this.#row,
      first: this.#first,
      last: this.#last,
      offset: this.#offset,
      filtered: this.#filtered,
      detectedPixels: this.#pixels,
      tooSmall,
    };
  }
}
