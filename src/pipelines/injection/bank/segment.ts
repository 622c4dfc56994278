/** Segmentation of a stamp: smoothing, connected pixels, growing, and how many peaks a segment has. Images are row-major. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Gaussian smoothing; where the kernel leaves the image, what is left of it is normalised again. */
export function smooth(image: Float64Array, { width, height }: Size, sigma: number): Float64Array {
  if (sigma === 0) return image.slice();
  const radius = Math.ceil(4 * sigma);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, at) => Math.exp(-((at - radius) ** 2) / (2 * sigma * sigma)));
  const pass = (from: Float64Array, lines: number, length: number, line: number, step: number): Float64Array => {
    const out = new Float64Array(from.length);
    for (let at = 0; at < length; at++) {
      const [first, last] = [Math.max(0, at - radius), Math.min(length - 1, at + radius)];
      let weight = 0;
      for (let other = first; other <= last; other++) weight += kernel[other - at + radius];
      for (let row = 0; row < lines; row++) {
        let sum = 0;
        for (let other = first; other <= last; other++) sum += kernel[other - at + radius] * from[row * line + other * step];
        out[row * line + at * step] = sum / weight;
      }
    }
    return out;
  };
  return pass(pass(image, height, width, width, 1), width, height, 1, width);
}

export interface Segments {
  /** 0 for no segment, else the number of the segment, from 1. */
  readonly labels: Int32Array;
  /** Pixels of each segment; [0] is 0. */
  readonly areas: readonly number[];
}

/** Pixels above `threshold`, connected by edges or corners. */
export function segmentsAbove(image: Float64Array, size: Size, threshold: number): Segments {
  const labels = new Int32Array(image.length);
  const areas = [0];
  const stack: number[] = [];
  for (let start = 0; start < image.length; start++) {
    if (labels[start] !== 0 || !(image[start] > threshold)) continue;
    const label = areas.length;
    areas.push(0);
    labels[start] = label;
    stack.push(start);
    while (stack.length > 0) {
      const pixel = stack.pop() as number;
      areas[label]++;
      for (const other of neighbours(pixel, size)) {
        if (labels[other] !== 0 || !(image[other] > threshold)) continue;
        labels[other] = label;
        stack.push(other);
      }
    }
  }
  return { labels, areas };
}

function neighbours(pixel: number, { width, height }: Size): number[] {
  const x = pixel % width;
  const y = (pixel - x) / width;
  const out: number[] = [];
  for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
    for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
      if (nx !== x || ny !== y) out.push(ny * width + nx);
    }
  }
  return out;
}

/** Marks pixels within `radius` of a marked one (exact Euclidean distances, Felzenszwalb & Huttenlocher 2012). */
export function grow(mask: Uint8Array, { width, height }: Size, radius: number): Uint8Array {
  const far = (width + height) ** 2;
  // Loops, here and at the end: `from` with a function takes ten times as long, and this is a quarter of the work on a stamp.
  const distance2 = new Float64Array(mask.length);
  for (let pixel = 0; pixel < mask.length; pixel++) distance2[pixel] = mask[pixel] === 0 ? far : 0;
  const line = new Float64Array(Math.max(width, height));
  const along = (start: number, step: number, length: number) => {
    for (let at = 0; at < length; at++) line[at] = distance2[start + at * step];
    lowerEnvelope(line.subarray(0, length), (at, value) => {
      distance2[start + at * step] = value;
    });
  };
  for (let x = 0; x < width; x++) along(x, width, height);
  for (let y = 0; y < height; y++) along(y * width, 1, width);
  const out = new Uint8Array(mask.length);
  for (let pixel = 0; pixel < mask.length; pixel++) out[pixel] = distance2[pixel] <= radius * radius ? 1 : 0;
  return out;
}

/** min over q of (p - q)^2 + f(q) for every p, by the parabolas that form the lower envelope. */
function lowerEnvelope(f: Float64Array, put: (at: number, value: number) => void): void {
  const tops = new Int32Array(f.length);
  const bounds = new Float64Array(f.length + 1);
  let last = 0;
  bounds[0] = Number.NEGATIVE_INFINITY;
  bounds[1] = Number.POSITIVE_INFINITY;
  for (let q = 1; q < f.length; q++) {
    const cross = (top: number) => (f[q] + q * q - f[top] - top * top) / (2 * (q - top));
    while (cross(tops[last]) <= bounds[last]) last--;
    const from = cross(tops[last]);
    last++;
    tops[last] = q;
    bounds[last] = from;
    bounds[last + 1] = Number.POSITIVE_INFINITY;
  }
  let at = 0;
  for (let p = 0; p < f.length; p++) {
    while (bounds[at + 1] < p) at++;
    put(p, (p - tops[at]) ** 2 + f[tops[at]]);
  }
}

/**
 * Share of a segment's light in its second peak: of all pairs of peaks whose branches meet going down from the top, the fainter branch's
 * light above the saddle over the light of the whole segment (the deblending contrast of Bertin & Arnouts 1996, without levels). Branches
 * that rise less than `leastRise` over their saddle are noise and count nothing.
 *
 * @param image smoothed, sky subtracted
 */
export function secondPeakShare(image: Float64Array, size: Size, inside: Uint8Array, leastRise: number): number {
  const pixels: number[] = [];
  for (let pixel = 0; pixel < image.length; pixel++) if (inside[pixel] !== 0) pixels.push(pixel);
  pixels.sort((a, b) => image[b] - image[a] || a - b);
  const parent = new Int32Array(image.length).fill(-1);
  const find = (pixel: number): number => {
    let root = pixel;
    while (parent[root] !== root) root = parent[root];
    for (let at = pixel; parent[at] !== root; ) [parent[at], at] = [root, parent[at]];
    return root;
  };
  // A branch's root is its highest pixel; its light and area are kept there.
  const light = new Float64Array(image.length);
  const area = new Int32Array(image.length);
  let total = 0;
  let most = 0;
  for (const pixel of pixels) {
    const value = image[pixel];
    total += value;
    parent[pixel] = pixel;
    light[pixel] = value;
    area[pixel] = 1;
    for (const other of neighbours(pixel, size)) {
      if (parent[other] < 0) continue;
      const [one, two] = [find(pixel), find(other)];
      if (one === two) continue;
      const [high, low] = image[one] > image[two] || (image[one] === image[two] && one < two) ? [one, two] : [two, one];
      const above = (root: number) => light[root] - area[root] * value;
      if (image[low] - value >= leastRise) most = Math.max(most, Math.min(above(low), above(high)));
      parent[low] = high;
      light[high] += light[low];
      area[high] += area[low];
    }
  }
  return total > 0 ? most / total : 0;
}
