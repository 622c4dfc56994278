// convolve-psf without transforms: sums over PSF samples at the cells' spacing, and separable terms; twin of kernels/convolve-psf/direct.ts.

override SIZE: u32;
override PAD: u32;
override GRID: u32;
override OVERSAMPLE: u32;
override COMPONENTS: u32;
override BANDS: u32;
override RADIUS: u32;
override STAMP: u32; // side of a PSF stamp, samples
override RANK: u32 = 1u;
override PIVOT_MARGIN: f32 = 0.0;

const LANES = 64u;
const DARKEST = 1e-30; // below this a pivot's reciprocal may overflow

// The cell that meets PSF sample 0 for pixel `at` of an axis.
fn first_cell(at: u32) -> u32 {
  return OVERSAMPLE * (RADIUS + PAD + at) + OVERSAMPLE / 2u;
}

// First sample that meets a cell of the grid; the last is min(STAMP - 1, first_cell).
fn first_sample(first: u32) -> u32 {
  let side = OVERSAMPLE * GRID;
  return select(0u, first + 1u - side, first + 1u > side);
}

@group(0) @binding(0) var<storage, read> cells: array<f32>;
@group(0) @binding(1) var<storage, read> fluxes: array<f32>;
@group(0) @binding(2) var<storage, read_write> mixed: array<f32>;

// Components weighted by their fluxes, one plane a band.
@compute @workgroup_size(64)
fn mix_components(@builtin(global_invocation_id) id: vec3u) {
  let area = OVERSAMPLE * OVERSAMPLE * GRID * GRID;
  if (id.x >= area) { return; }
  var sum = 0.0;
  for (var component = 0u; component < COMPONENTS; component++) {
    let of_item = id.z * COMPONENTS + component;
    sum += fluxes[of_item * BANDS + id.y] * cells[of_item * area + id.x];
  }
  mixed[(id.z * BANDS + id.y) * area + id.x] = sum;
}

@group(0) @binding(0) var<storage, read> psfs: array<f32>;
@group(0) @binding(1) var<storage, read_write> sharpened: array<f32>;

// Takes the response of a cell out of the PSF.
@compute @workgroup_size(64)
fn sharpen(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= STAMP * STAMP) { return; }
  let x = id.x % STAMP;
  let y = id.x / STAMP;
  let at = (id.z * BANDS + id.y) * STAMP * STAMP + id.x;
  var around = 0.0;
  if (x > 0u) { around += psfs[at - 1u]; }
  if (x + 1u < STAMP) { around += psfs[at + 1u]; }
  if (y > 0u) { around += psfs[at - STAMP]; }
  if (y + 1u < STAMP) { around += psfs[at + STAMP]; }
  sharpened[at] = psfs[at] + (around - 4.0 * psfs[at]) / 24.0;
}

@group(0) @binding(0) var<storage, read> light: array<f32>;
@group(0) @binding(1) var<storage, read> taps: array<f32>;
@group(0) @binding(2) var<storage, read> blurs: array<u32>;
@group(0) @binding(3) var<storage, read> lensed: array<f32>;
@group(0) @binding(4) var<storage, read_write> convolved: array<f32>;

// One pixel a thread, tiles of 8 x 8 px: the taps are the same for all threads and neighbours read neighbouring cells, so the caches serve both.
// Rows are summed on their own first, which keeps the rounding of a thousand terms to that of a row.
@compute @workgroup_size(8, 8)
fn sum_taps(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let tiles = (SIZE + 7u) / 8u;
  let x = 8u * (group.x % tiles) + local.x;
  let y = 8u * (group.x / tiles) + local.y;
  if (x >= SIZE || y >= SIZE) { return; }
  let plane = group.z * BANDS + group.y;
  let out = (plane * SIZE + y) * SIZE + x;
  if (blurs[plane] == 0u) {
    convolved[out] = lensed[out];
    return;
  }
  let side = OVERSAMPLE * GRID;
  let column = first_cell(x);
  let row = first_cell(y);
  let last = min(STAMP - 1u, column);
  var sum = 0.0;
  for (var j = first_sample(row); j <= min(STAMP - 1u, row); j++) {
    let tap = (plane * STAMP + j) * STAMP;
    let cell = (plane * side + row - j) * side + column;
    var of_row = 0.0;
    for (var i = first_sample(column); i <= last; i++) { of_row += taps[tap + i] * light[cell - i]; }
    sum += of_row;
  }
  convolved[out] = sum;
}

@group(0) @binding(0) var<storage, read> separable: array<u32>; // blurs
@group(0) @binding(1) var<storage, read_write> rest: array<f32>;
@group(0) @binding(2) var<storage, read_write> columns: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;

var<workgroup> largest: array<f32, LANES>;
var<workgroup> where_found: array<u32, LANES>;

// Largest of `largest` into its first element; ends with a barrier.
fn join_largest(lane: u32) {
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step >>= 1u) {
    if (lane < step) { largest[lane] = max(largest[lane], largest[lane + step]); }
    workgroupBarrier();
  }
}

// Adaptive cross approximation of a sharpened PSF, consumed in `rest`; one workgroup a band of an item. Pivots by the twin's rule (separate).
@compute @workgroup_size(64)
fn separate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let plane = group.z * BANDS + group.y;
  if (separable[plane] == 0u) { return; }
  let area = STAMP * STAMP;
  let start = plane * area;
  for (var term = 0u; term < RANK; term++) {
    var most = 0.0;
    for (var i = lane; i < area; i += LANES) { most = max(most, abs(rest[start + i])); }
    largest[lane] = most;
    join_largest(lane);
    let enough = (1.0 - PIVOT_MARGIN) * largest[0];
    var at = area;
    for (var i = lane; i < area && at == area; i += LANES) {
      if (abs(rest[start + i]) >= enough) { at = i; }
    }
    where_found[lane] = at;
    workgroupBarrier();
    for (var step = LANES / 2u; step > 0u; step >>= 1u) {
      if (lane < step) { where_found[lane] = min(where_found[lane], where_found[lane + step]); }
      workgroupBarrier();
    }
    let pivot = min(where_found[0], area - 1u);
    let pivot_row = start + (pivot / STAMP) * STAMP;
    let pivot_column = start + pivot % STAMP;
    let value = rest[start + pivot];
    let gain = select(0.0, 1.0 / value, abs(value) > DARKEST);
    let term_start = (plane * RANK + term) * STAMP;
    for (var i = lane; i < STAMP; i += LANES) {
      columns[term_start + i] = gain * rest[pivot_column + i * STAMP];
      rows[term_start + i] = rest[pivot_row + i];
    }
    storageBarrier();
    workgroupBarrier();
    for (var i = lane; i < area; i += LANES) { rest[start + i] -= columns[term_start + i / STAMP] * rows[term_start + i % STAMP]; }
    storageBarrier();
    workgroupBarrier();
  }
}

@group(0) @binding(0) var<storage, read> cell_planes: array<f32>;
@group(0) @binding(1) var<storage, read> made_rows: array<f32>;
@group(0) @binding(2) var<storage, read> blurs_along: array<u32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// Along rows: [item, band][term][cell row][pixel column].
@compute @workgroup_size(64)
fn sum_along_rows(@builtin(global_invocation_id) id: vec3u) {
  let side = OVERSAMPLE * GRID;
  let plane = id.z * BANDS + id.y;
  if (id.x >= RANK * side * SIZE || blurs_along[plane] == 0u) { return; }
  let x = id.x % SIZE;
  let y = (id.x / SIZE) % side;
  let term = id.x / (SIZE * side);
  let column = first_cell(x);
  let tap = (plane * RANK + term) * STAMP;
  let cell = (plane * side + y) * side + column;
  var sum = 0.0;
  for (var i = first_sample(column); i <= min(STAMP - 1u, column); i++) { sum += made_rows[tap + i] * cell_planes[cell - i]; }
  partials[plane * RANK * side * SIZE + id.x] = sum;
}

@group(0) @binding(0) var<storage, read> made_partials: array<f32>;
@group(0) @binding(1) var<storage, read> made_columns: array<f32>;
@group(0) @binding(2) var<storage, read> blurs_across: array<u32>;
@group(0) @binding(3) var<storage, read> lensed_too: array<f32>;
@group(0) @binding(4) var<storage, read_write> convolved_too: array<f32>;

// Along columns, terms added.
@compute @workgroup_size(64)
fn sum_along_columns(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= SIZE * SIZE) { return; }
  let side = OVERSAMPLE * GRID;
  let plane = id.z * BANDS + id.y;
  let out = plane * SIZE * SIZE + id.x;
  if (blurs_across[plane] == 0u) {
    convolved_too[out] = lensed_too[out];
    return;
  }
  let x = id.x % SIZE;
  let row = first_cell(id.x / SIZE);
  var sum = 0.0;
  for (var term = 0u; term < RANK; term++) {
    let tap = (plane * RANK + term) * STAMP;
    let cell = ((plane * RANK + term) * side + row) * SIZE + x;
    var of_term = 0.0;
    for (var j = first_sample(row); j <= min(STAMP - 1u, row); j++) { of_term += made_columns[tap + j] * made_partials[cell - j * SIZE]; }
    sum += of_term;
  }
  convolved_too[out] = sum;
}
