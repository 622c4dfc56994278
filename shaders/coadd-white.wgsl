// Bands of one field into one image. Means: a lane takes four pixels and walks through the bands, neighbours read neighbours. Median and clipped
// mean: a lane takes one pixel and keeps its good bands, sorted, in workgroup memory of its own.
// Docs: docs/kernels/coadd-white.md. Twin: kernels/coadd-white/cpu.ts.

override BANDS: u32;
// Sorting only.
override LANES: u32 = 64u;
override CELLS: u32 = 64u;
override WEIGHT_PER_PIXEL: bool = false;
override CLIPPED: bool = false;
override CLIP_SIGMA: f32 = 0.0;
override CLIP_FRACTION: f32 = 0.0;
override CLIP_ITERATIONS: u32 = 1u;

struct CoaddWhiteUniform {
  items: u32,
  pixels: u32,
  row_length: u32,
}

const MIN_WEIGHT = 1e-30;
// Terms are added in blocks of these, then the blocks: the error of a sum grows with both counts, not with their product.
const BLOCK = 8u;
const PI = 3.14159265358979;

@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(1) var<storage, read> band_weights: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> white: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> invvar: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> count: array<vec4u>;
@group(0) @binding(6) var<uniform> sizes: CoaddWhiteUniform;

struct Sums {
  weighted: vec4f,
  weight: vec4f,
  count: vec4u,
}

// What a band adds to the sums of its block.
fn added(block: Sums, value: vec4f, weight: vec4f, bits: vec4u, band: u32) -> Sums {
  let good = (((bits >> vec4u(band % 32u)) & vec4u(1u)) == vec4u(0u)) & (weight >= vec4f(MIN_WEIGHT));
  let used = select(vec4f(0.0), weight, good);
  return Sums(block.weighted + used * value, block.weight + used, block.count + select(vec4u(0u), vec4u(1u), good));
}

fn joined(a: Sums, b: Sums) -> Sums {
  return Sums(a.weighted + b.weighted, a.weight + b.weight, a.count + b.count);
}

fn no_sums() -> Sums {
  return Sums(vec4f(0.0), vec4f(0.0), vec4u(0u));
}

fn write_mean(at: u32, sums: Sums) {
  let has_any = sums.count > vec4u(0u);
  white[at] = select(vec4f(0.0), sums.weighted / select(vec4f(1.0), sums.weight, has_any), has_any);
  invvar[at] = sums.weight;
  count[at] = sums.count;
}

// The two means differ in one line, but weights of bands are single numbers and weights of pixels are loaded by fours: two views of binding 1,
// of which an entry point may use only one.
@compute @workgroup_size(64)
fn mean_by_band(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = group.z * sizes.row_length + group.y;
  let quads = sizes.pixels / 4u;
  let quad = group.x * 64u + lane;
  if (item >= sizes.items || quad >= quads) { return; }
  let start = item * BANDS;
  let mask_start = item * ((BANDS + 31u) / 32u);
  var total = no_sums();
  for (var first = 0u; first < BANDS; first += BLOCK) {
    let bits = mask[(mask_start + first / 32u) * quads + quad];
    var block = no_sums();
    for (var band = first; band < min(BANDS, first + BLOCK); band++) {
      block = added(block, image[(start + band) * quads + quad], vec4f(band_weights[start + band]), bits, band);
    }
    total = joined(total, block);
  }
  write_mean(item * quads + quad, total);
}

@compute @workgroup_size(64)
fn mean_by_pixel(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = group.z * sizes.row_length + group.y;
  let quads = sizes.pixels / 4u;
  let quad = group.x * 64u + lane;
  if (item >= sizes.items || quad >= quads) { return; }
  let start = item * BANDS;
  let mask_start = item * ((BANDS + 31u) / 32u);
  var total = no_sums();
  for (var first = 0u; first < BANDS; first += BLOCK) {
    let bits = mask[(mask_start + first / 32u) * quads + quad];
    var block = no_sums();
    for (var band = first; band < min(BANDS, first + BLOCK); band++) {
      let at = (start + band) * quads + quad;
      block = added(block, image[at], weights[at], bits, band);
    }
    total = joined(total, block);
  }
  write_mean(item * quads + quad, total);
}

@group(0) @binding(0) var<storage, read> pixel_image: array<f32>;
@group(0) @binding(1) var<storage, read> any_weights: array<f32>;
@group(0) @binding(2) var<storage, read> pixel_mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> pixel_white: array<f32>;
@group(0) @binding(4) var<storage, read_write> pixel_invvar: array<f32>;
@group(0) @binding(5) var<storage, read_write> pixel_count: array<u32>;

// Cell k of a lane is k LANES + lane: lanes side by side, so that no two wait for one bank.
var<workgroup> sorted_values: array<f32, CELLS>;
var<workgroup> sorted_weights: array<f32, CELLS>;

// Sorts the good bands of a pixel by value, equals in the order of bands; gives their number.
fn sort_bands(item: u32, pixel: u32, lane: u32) -> u32 {
  let mask_start = item * ((BANDS + 31u) / 32u);
  var n = 0u;
  for (var band = 0u; band < BANDS; band++) {
    let bits = pixel_mask[(mask_start + band / 32u) * sizes.pixels + pixel];
    let at = (item * BANDS + band) * sizes.pixels + pixel;
    let weight = any_weights[select(item * BANDS + band, at, WEIGHT_PER_PIXEL)];
    if (((bits >> (band % 32u)) & 1u) != 0u || weight < MIN_WEIGHT) { continue; }
    let value = pixel_image[at];
    var cell = n * LANES + lane;
    for (; cell >= LANES; cell -= LANES) {
      let below = sorted_values[cell - LANES];
      if (below <= value) { break; }
      sorted_values[cell] = below;
      sorted_weights[cell] = sorted_weights[cell - LANES];
    }
    sorted_values[cell] = value;
    sorted_weights[cell] = weight;
    n++;
  }
  return n;
}

// Half of the weight lies between values `low` and `low + 1` at `fraction`.
struct Half {
  low: u32,
  fraction: f32,
}

fn half_weight(n: u32, lane: u32) -> Half {
  var total = 0.0;
  for (var k = 0u; k < n; k++) { total += sorted_weights[k * LANES + lane]; }
  var place = sorted_weights[lane] / 2.0;
  for (var k = 1u; k < n; k++) {
    let next = place + (sorted_weights[(k - 1u) * LANES + lane] + sorted_weights[k * LANES + lane]) / 2.0;
    if (next >= total / 2.0) { return Half(k - 1u, (total / 2.0 - place) / (next - place)); }
    place = next;
  }
  return Half(n - 1u, 0.0);
}

struct Combined {
  value: f32,
  invvar: f32,
  count: u32,
}

fn weighted_median(n: u32, lane: u32) -> Combined {
  let half = half_weight(n, lane);
  let low = sorted_values[half.low * LANES + lane];
  let high = sorted_values[min(half.low + 1u, n - 1u) * LANES + lane];
  var largest = 0.0;
  for (var k = 0u; k < n; k++) { largest = max(largest, sorted_weights[k * LANES + lane]); }
  // Of weight, weight^1.5 and weight^2.
  var sums = vec3f(0.0);
  var block = vec3f(0.0);
  for (var k = 0u; k < n; k++) {
    let weight = sorted_weights[k * LANES + lane] / largest;
    block += weight * vec3f(1.0, sqrt(weight), weight);
    if (k % BLOCK == BLOCK - 1u || k == n - 1u) {
      sums += block;
      block = vec3f(0.0);
    }
  }
  let effective = sums.x * sums.x / sums.z;
  let information = sums.y * sums.y / sums.z;
  return Combined(low + half.fraction * (high - low), largest * (information * (2.0 * effective + PI - 2.0) / (PI * effective)), n);
}

// Weighted mean of the values within bound + spread / sqrt(weight) of the centre.
fn mean_of_kept(n: u32, lane: u32, centre: f32, bound: f32, spread: f32) -> Combined {
  var kept = 0u;
  // Of weight times value, and weight.
  var sums = vec2f(0.0);
  var block = vec2f(0.0);
  for (var k = 0u; k < n; k++) {
    let weight = sorted_weights[k * LANES + lane];
    let value = sorted_values[k * LANES + lane];
    if (abs(value - centre) <= bound + spread / sqrt(weight)) {
      kept++;
      block += weight * vec2f(value, 1.0);
    }
    if (k % BLOCK == BLOCK - 1u || k == n - 1u) {
      sums += block;
      block = vec2f(0.0);
    }
  }
  return Combined(sums.x / select(1.0, sums.y, kept > 0u), sums.y, kept);
}

fn clipped_mean(n: u32, lane: u32) -> Combined {
  // With two values nothing tells which is off.
  if (n < 3u) { return mean_of_kept(n, lane, sorted_values[lane], 1e38, 0.0); }
  let half = half_weight(n, lane);
  var centre = sorted_values[(half.low + u32(half.fraction > 0.5)) * LANES + lane];
  var best = Combined(0.0, 0.0, 0u);
  for (var iteration = 0u; iteration < CLIP_ITERATIONS; iteration++) {
    let next = mean_of_kept(n, lane, centre, CLIP_FRACTION * abs(centre), CLIP_SIGMA);
    if (next.count == 0u) { break; }
    let is_done = next.count == best.count && next.value == centre;
    best = next;
    if (is_done) { break; }
    centre = best.value;
  }
  return best;
}

@compute @workgroup_size(LANES)
fn combine_sorted(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = group.z * sizes.row_length + group.y;
  let pixel = group.x * LANES + lane;
  if (item >= sizes.items || pixel >= sizes.pixels) { return; }
  let n = sort_bands(item, pixel, lane);
  var combined = Combined(0.0, 0.0, 0u);
  if (n > 0u) {
    if (CLIPPED) { combined = clipped_mean(n, lane); } else { combined = weighted_median(n, lane); }
  }
  let at = item * sizes.pixels + pixel;
  pixel_white[at] = combined.value;
  pixel_invvar[at] = combined.invvar;
  pixel_count[at] = combined.count;
}
