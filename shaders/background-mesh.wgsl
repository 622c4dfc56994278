// Level and noise of background meshes: a workgroup takes a mesh, cuts it, counts it into a histogram in its own memory, and cuts that.
// Docs: docs/kernels/background-mesh.md. Twin: kernels/background-mesh/cpu.ts.

override PIXELS: u32;
override WORDS: u32;
// Bins of a lane; two bins share a word.
override CHUNK: u32;
override HISTOGRAM_WORDS: u32;
override GOOD_PART: f32;
override FIRST_CUT: f32;
override HALF_RANGE: f32;
override BINS_PER_PIXEL: f32;
override MAX_BINS: u32;
override CUT: f32;
override MAX_ROUNDS: u32;
override SETTLED: f32;
override NARROWEST: f32;
override CROWDED: f32;

struct BackgroundMeshUniform {
  items: u32,
  row_length: u32,
}

@group(0) @binding(0) var<storage, read> pixels: array<f32>;
@group(0) @binding(1) var<storage, read> bad: array<u32>;
@group(0) @binding(2) var<storage, read> area: array<u32>;
@group(0) @binding(3) var<storage, read_write> level: array<f32>;
@group(0) @binding(4) var<storage, read_write> rms: array<f32>;
@group(0) @binding(5) var<storage, read_write> means: array<f32>;
@group(0) @binding(6) var<storage, read_write> medians: array<f32>;
@group(0) @binding(7) var<storage, read_write> good_pixels: array<u32>;
@group(0) @binding(8) var<uniform> sizes: BackgroundMeshUniform;

const LANES = 128u;
const LARGEST = 3.4028234663852886e38;

var<workgroup> partial: array<vec4f, LANES>;
var<workgroup> partial_counts: array<vec3u, LANES>;
var<workgroup> histogram: array<atomic<u32>, HISTOGRAM_WORDS>;
var<workgroup> chunk_totals: array<u32, LANES>;
// Bin of the median, pixels in all bins before it, and the larger count of the bin and the one before.
var<workgroup> median_bin: vec3u;

fn is_good(item: u32, pixel: u32) -> bool {
  return ((bad[item * WORDS + pixel / 32u] >> (pixel % 32u)) & 1u) == 0u;
}

// Sums of x and y, least z, largest w over all lanes.
fn over_lanes(lane: u32, mine: vec4f) -> vec4f {
  partial[lane] = mine;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      let a = partial[lane];
      let b = partial[lane + stride];
      partial[lane] = vec4f(a.xy + b.xy, min(a.z, b.z), max(a.w, b.w));
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&partial[0]);
}

fn counts_over_lanes(lane: u32, mine: vec3u) -> vec3u {
  partial_counts[lane] = mine;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { partial_counts[lane] += partial_counts[lane + stride]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&partial_counts[0]);
}

// Words of a lane lie LANES apart, so that lanes that walk through their chunks side by side do not wait for one bank.
fn word_of(bin: u32) -> u32 {
  return (bin % CHUNK) / 2u * LANES + bin / CHUNK;
}

fn count_in(bin: u32) -> u32 {
  return (atomicLoad(&histogram[word_of(bin)]) >> (16u * (bin & 1u))) & 0xffffu;
}

// In bins, from the middle of bin 0.
struct Settled {
  mode: f32,
  mean: f32,
  median: f32,
  sigma: f32,
}

// The lane whose chunk holds the border between the halves of bins [low, high) says where. A bin is left of it while fewer pixels lie before the bin
// than after it.
fn find_median(lane: u32, before_chunk: u32, both: u32) {
  let first = lane * CHUNK;
  let after_chunk = before_chunk + chunk_totals[lane];
  let of_last = 2u * after_chunk - count_in(first + CHUNK - 1u);
  var is_here = of_last >= both;
  if (lane > 0u) { is_here = is_here && 2u * before_chunk - count_in(first - 1u) < both; }
  if (!is_here) { return; }
  var before = before_chunk;
  for (var bin = first; bin < first + CHUNK; bin++) {
    let count = count_in(bin);
    if (2u * before + count >= both) {
      var fuller = count;
      if (bin > 0u) { fuller = max(fuller, count_in(bin - 1u)); }
      median_bin = vec3u(bin, before, fuller);
      return;
    }
    before += count;
  }
}

fn settle(lane: u32, bins: u32) -> Settled {
  var chunk_total = 0u;
  for (var k = 0u; k < CHUNK; k++) { chunk_total += count_in(lane * CHUNK + k); }
  chunk_totals[lane] = chunk_total;
  workgroupBarrier();
  var before_chunk = 0u;
  for (var other = 0u; other < lane; other++) { before_chunk += chunk_totals[other]; }

  var low = 0u;
  var high = bins;
  var sigma = 10.0 * f32(bins);
  var last = 1.0;
  var mean = 0.0;
  var median = 0.0;
  for (var round = 0u; round < MAX_ROUNDS && sigma >= NARROWEST && abs(sigma / last - 1.0) > SETTLED; round++) {
    last = sigma;
    // Pixels inside, pixels below, sum of bins: whole numbers below 65536 * 4096.
    var counts = vec3u(0u);
    for (var k = 0u; k < CHUNK; k++) {
      let bin = lane * CHUNK + k;
      let count = count_in(bin);
      if (bin < low) { counts.y += count; } else if (bin < high) { counts += vec3u(count, 0u, count * bin); }
    }
    let all = counts_over_lanes(lane, counts);
    let inside = all.x;
    if (inside == 0u) { return Settled(median, median, median, 0.0); }
    let centre = all.z / inside;
    let fraction = f32(all.z - centre * inside) / f32(inside);
    var squares = 0.0;
    for (var bin = max(low, lane * CHUNK); bin < min(high, (lane + 1u) * CHUNK); bin++) {
      let distance = f32(bin) - f32(centre);
      squares += f32(count_in(bin)) * (distance * distance);
    }
    find_median(lane, before_chunk, 2u * all.y + inside);
    let square_sum = over_lanes(lane, vec4f(squares, 0.0, 0.0, 0.0)).x;
    mean = f32(centre) + fraction;
    sigma = sqrt(max(0.0, square_sum / f32(inside) - fraction * fraction));
    let middle = workgroupUniformLoad(&median_bin);
    let left = middle.y - all.y;
    let right = inside - left;
    median = f32(middle.x) - 0.5 + (f32(right) - f32(left)) / (2.0 * f32(middle.z));
    let next_low = floor(median - CUT * sigma + 0.5);
    let next_high = floor(median + CUT * sigma + 0.5);
    low = min(bins - 1u, u32(max(0.0, next_low)));
    high = min(bins, u32(max(0.0, next_high)) + 1u);
  }
  if (sigma == 0.0) { return Settled(mean, mean, median, sigma); }
  let is_crowded = abs(mean - median) / sigma >= CROWDED;
  return Settled(select(2.5 * median - 1.5 * mean, median, is_crowded), mean, median, sigma);
}

fn write(lane: u32, item: u32, results: vec4f, good: u32) {
  if (lane != 0u) { return; }
  level[item] = results.x;
  rms[item] = results.y;
  means[item] = results.z;
  medians[item] = results.w;
  good_pixels[item] = good;
}

@compute @workgroup_size(LANES)
fn measure_meshes(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = group.y * sizes.row_length + group.x;
  if (item >= sizes.items) { return; }
  let start = item * PIXELS;
  for (var word = lane; word < HISTOGRAM_WORDS; word += LANES) { atomicStore(&histogram[word], 0u); }

  // A rough middle: squares are taken about it, else a high sky would drown them.
  var mine = vec4f(0.0);
  for (var p = lane; p < PIXELS; p += LANES) {
    if (is_good(item, p)) { mine += vec4f(pixels[start + p], 1.0, 0.0, 0.0); }
  }
  let all = over_lanes(lane, mine);
  let good = u32(all.y);
  if (good == 0u || all.y < f32(area[item]) * GOOD_PART) {
    write(lane, item, vec4f(0.0), good);
    return;
  }
  let rough = all.x / all.y;

  mine = vec4f(0.0, 0.0, LARGEST, -LARGEST);
  for (var p = lane; p < PIXELS; p += LANES) {
    let value = pixels[start + p] - rough;
    if (is_good(item, p)) { mine = vec4f(mine.x + value, mine.y + value * value, min(mine.z, value), max(mine.w, value)); }
  }
  let about_rough = over_lanes(lane, mine);
  if (about_rough.z == about_rough.w) {
    let only = rough + about_rough.z;
    write(lane, item, vec4f(only, 0.0, only, only), good);
    return;
  }
  let first_mean = about_rough.x / all.y;
  let reach = FIRST_CUT * sqrt(max(0.0, about_rough.y / all.y - first_mean * first_mean));

  // What the first cut leaves: count and sum, then squares about its own mean. Values as they are, since a hot pixel may have pulled the first mean so
  // far away that all of the sky is one number about it.
  mine = vec4f(0.0, 0.0, LARGEST, -LARGEST);
  for (var p = lane; p < PIXELS; p += LANES) {
    let value = pixels[start + p];
    if (is_good(item, p) && abs(value - rough - first_mean) <= reach) {
      mine = vec4f(mine.x + value, mine.y + 1.0, min(mine.z, value), max(mine.w, value));
    }
  }
  let kept = over_lanes(lane, mine);
  if (kept.z >= kept.w) {
    write(lane, item, vec4f(kept.z, 0.0, kept.z, kept.z), good);
    return;
  }
  let pivot = kept.x / kept.y;
  mine = vec4f(0.0);
  for (var p = lane; p < PIXELS; p += LANES) {
    if (is_good(item, p) && abs(pixels[start + p] - rough - first_mean) <= reach) {
      let value = pixels[start + p] - pivot;
      mine += vec4f(value, value * value, 0.0, 0.0);
    }
  }
  let about_pivot = over_lanes(lane, mine);
  let cut_mean = about_pivot.x / kept.y;
  let deviation = sqrt(max(0.0, about_pivot.y / kept.y - cut_mean * cut_mean));
  if (deviation == 0.0) {
    let only = pivot + cut_mean;
    write(lane, item, vec4f(only, 0.0, only, only), good);
    return;
  }

  let bins = min(MAX_BINS, u32(BINS_PER_PIXEL * kept.y + 1.0));
  let bin_width = 2.0 * HALF_RANGE * deviation / f32(bins);
  // The value at the middle of bin 0.
  let zero = cut_mean - HALF_RANGE * deviation;
  for (var p = lane; p < PIXELS; p += LANES) {
    let bin = (pixels[start + p] - pivot - zero) / bin_width + 0.5;
    if (is_good(item, p) && bin >= 0.0 && bin < f32(bins)) {
      let number = u32(bin);
      atomicAdd(&histogram[word_of(number)], 1u << (16u * (number & 1u)));
    }
  }
  workgroupBarrier();
  let settled = settle(lane, bins);
  let base = pivot + zero;
  let results = vec4f(settled.mode, settled.sigma, settled.mean, settled.median) * bin_width;
  write(lane, item, vec4f(base + results.x, results.y, base + results.z, base + results.w), good);
}
