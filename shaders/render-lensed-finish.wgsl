// What render-lensed does with the sampled cells: moments to neighbours, stamps per band, the error estimate.

override GRID: u32;
override OVERSAMPLE: u32 = 1u;
override COMPONENTS: u32;
override SIZE: u32 = 1u;
override PAD: u32 = 0u;
override BANDS: u32 = 1u;
override PLANE_GRID: u32 = 1u;
override ERROR_SCALE: f32 = 1.0;

const TILE = 8u;

var<workgroup> sums: array<vec2f, 64>;

@group(0) @binding(0) var<storage, read> plain_cells: array<f32>;
@group(0) @binding(1) var<storage, read> plain_moments: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> centred: array<f32>;

// Hands half of every cell's moment to either neighbour: twin of CellSampler.centredCells.
@compute @workgroup_size(64)
fn centre_cells(@builtin(global_invocation_id) id: vec3u) {
  let side = GRID * OVERSAMPLE;
  if (id.x >= side * side) { return; }
  let x = id.x % side;
  let y = id.x / side;
  let at = (id.z * COMPONENTS + id.y) * side * side + id.x;
  var moved = 0.0;
  if (x > 0u) { moved += plain_moments[at - 1u].x; }
  if (x + 1u < side) { moved -= plain_moments[at + 1u].x; }
  if (y > 0u) { moved += plain_moments[at - side].y; }
  if (y + 1u < side) { moved -= plain_moments[at + side].y; }
  centred[at] = plain_cells[at] + 0.5 * moved;
}

@group(0) @binding(0) var<storage, read> lensed_cells: array<f32>;
@group(0) @binding(1) var<storage, read> unlensed_planes: array<f32>;
@group(0) @binding(2) var<storage, read> fluxes: array<f32>;
@group(0) @binding(3) var<storage, read_write> lensed: array<f32>;
@group(0) @binding(4) var<storage, read_write> unlensed: array<f32>;

// Stamps per band: components weighted by their fluxes, cells summed to pixels.
@compute @workgroup_size(64)
fn mix_bands(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= SIZE * SIZE) { return; }
  let x = pixel % SIZE;
  let y = pixel / SIZE;
  let item = id.z;
  let side = GRID * OVERSAMPLE;
  var bent = 0.0;
  var straight = 0.0;
  for (var component = 0u; component < COMPONENTS; component++) {
    let flux = fluxes[(item * COMPONENTS + component) * BANDS + id.y];
    let first = (item * COMPONENTS + component) * side * side + (y + PAD) * OVERSAMPLE * side + (x + PAD) * OVERSAMPLE;
    var sum = 0.0;
    for (var j = 0u; j < OVERSAMPLE; j++) {
      for (var i = 0u; i < OVERSAMPLE; i++) { sum += lensed_cells[first + j * side + i]; }
    }
    bent += flux * sum;
    straight += flux * unlensed_planes[((item * COMPONENTS + component) * PLANE_GRID + y) * PLANE_GRID + x];
  }
  let at = ((item * BANDS + id.y) * SIZE + y) * SIZE + x;
  lensed[at] = bent;
  unlensed[at] = straight;
}

@group(0) @binding(0) var<storage, read> tile_partials: array<vec2f>;
@group(0) @binding(1) var<storage, read> band_fluxes: array<f32>;
@group(0) @binding(2) var<storage, read_write> flux_err: array<f32>;

// Error bound over flux, tiles and components of one item; one workgroup each.
@compute @workgroup_size(64)
fn estimate_error(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tiles = (GRID / TILE) * (GRID / TILE);
  var sum = vec2f(0.0);
  for (var component = 0u; component < COMPONENTS; component++) {
    var weight = 0.0;
    for (var band = 0u; band < BANDS; band++) { weight += abs(band_fluxes[(group.x * COMPONENTS + component) * BANDS + band]); }
    for (var tile = lid; tile < tiles; tile += 64u) { sum += weight * tile_partials[(group.x * COMPONENTS + component) * tiles + tile]; }
  }
  sums[lid] = sum;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step >>= 1u) {
    if (lid < step) { sums[lid] += sums[lid + step]; }
    workgroupBarrier();
  }
  if (lid == 0u) { flux_err[group.x] = select(0.0, ERROR_SCALE * sums[0].y / sums[0].x, sums[0].x > 0.0); }
}
