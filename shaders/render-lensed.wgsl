//#import "lib/lens/deflection.wgsl"
//#import "lib/light/source.wgsl"

// Adaptive quadrature of a lensed source over the cells of a stamp; twin of kernels/render-lensed/sampler.ts, where the method is told.
// One workgroup per tile of 8 x 8 px: 4 threads take the blocks of 4 px, 16 those of 2 px, 64 the pixels; pixels that must be cut further
// go to a list whose cells all 64 threads share. Every cell has one writer, so no order of threads can change a bit.

override GRID: u32;
override OVERSAMPLE: u32;
override COMPONENTS: u32;
override LENSED: u32;
override PIXSCALE: f32;
override ORIGIN: f32;
override TOLERANCE: f32;
override COARSEST: f32;
override FORCE_ABOVE: f32;
override FINEST: f32;
override SIZE: u32 = 1u;
override PAD: u32 = 0u;
override BANDS: u32 = 1u;
override PLANE_GRID: u32 = 1u;

@group(0) @binding(0) var<storage, read> lenses: array<Lens>;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> bank: array<f32>;
@group(0) @binding(3) var<storage, read_write> cells: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> moments: array<vec2f>;

const TILE = 8u;
const NODE = 0.28867513;
const SPREAD = 0.8660254;
const REACH = 0.85;
const BEND = 0.125;
const DARK = 1e-5;

// A leaf's light per px^2 as a bilinear surface over the node (x, y in [-0.5, 0.5]), and what the rule says of it.
struct Node {
  surface: vec4f, // mean, slope x, slope y, twist
  flux: f32,
  misfit: f32,
  split: f32,
}

var<private> lens: Lens;
var<private> light: Source;

var<workgroup> block_surface: array<vec4f, 4>;
var<workgroup> block_split: array<f32, 4>;
var<workgroup> half_surface: array<vec4f, 16>;
var<workgroup> half_split: array<f32, 16>;
var<workgroup> pixel_weight: array<f32, 64>;
var<workgroup> listed: array<u32, 64>;
var<workgroup> listed_count: atomic<u32>;
// Light of the cells below a listed pixel (its four quarters when cells are pixels): flux and first moments.
var<workgroup> parts: array<f32, 64 * max(OVERSAMPLE * OVERSAMPLE, 4u)>;
var<workgroup> part_moments: array<vec2f, 64 * max(OVERSAMPLE * OVERSAMPLE, 4u)>;
var<workgroup> sums: array<vec2f, 64>;

fn source_plane(theta: vec2f, alpha: vec2f) -> vec2f {
  let p = theta - vec2f(light.x, light.y) - alpha;
  return vec2f((light.cos_phi * p.x + light.sin_phi * p.y) * light.inv_u, (light.cos_phi * p.y - light.sin_phi * p.x) * light.inv_v);
}

fn node(width: f32, centre: vec2f) -> Node {
  let theta = (centre - ORIGIN) * PIXSCALE;
  let d = NODE * width * PIXSCALE;
  let t0 = theta + vec2f(-d, -d);
  let t1 = theta + vec2f(d, -d);
  let t2 = theta + vec2f(-d, d);
  let t3 = theta + vec2f(d, d);
  var a0 = vec2f(0.0);
  var a1 = vec2f(0.0);
  var a2 = vec2f(0.0);
  var a3 = vec2f(0.0);
  var bent = 0.0;
  let size2 = width * width * PIXSCALE * PIXSCALE;
  if (LENSED == 1u) {
    a0 = deflect(lens, t0);
    a1 = deflect(lens, t1);
    a2 = deflect(lens, t2);
    a3 = deflect(lens, t3);
    let r = theta - vec2f(lens.x, lens.y);
    let alpha2 = dot(a0, a0) + dot(a1, a1) + dot(a2, a2) + dot(a3, a3);
    bent = BEND * size2 * 0.5 * sqrt(alpha2) * light.inv_v / max(dot(r, r), 0.25 * size2);
  }
  let p0 = source_plane(t0, a0);
  let p1 = source_plane(t1, a1);
  let p2 = source_plane(t2, a2);
  let p3 = source_plane(t3, a3);
  bent += 0.75 * length(p0 - p1 - p2 + p3);
  let span_x = SPREAD * length(p1 - p0 + p3 - p2);
  let span_y = SPREAD * length(p2 - p0 + p3 - p1);
  let bound = light_bound(light, 0.25 * (p0 + p1 + p2 + p3), 0.5 * REACH * (span_x + span_y) + bent, max(span_x, span_y) + 2.0 * bent);
  let full = size2 * light.amplitude;
  let most = full * bound.x / (TOLERANCE * light.peak_flux);
  var out: Node;
  if (most < DARK) { return out; }
  let misfit = most * bound.y;
  var split = misfit - 1.0;
  if (width > COARSEST) { split = max(split, most / FORCE_ABOVE - 1.0); }
  split = select(clamp(split, 0.0, 1.0), 0.0, width <= FINEST);
  out.split = split;
  if (split < 1.0) {
    let i0 = brightness(light, p0);
    let i1 = brightness(light, p1);
    let i2 = brightness(light, p2);
    let i3 = brightness(light, p3);
    let mean = 0.25 * (i0 + i1 + i2 + i3);
    let slope_x = SPREAD * (i1 - i0 + i3 - i2);
    let slope_y = SPREAD * (i2 - i0 + i3 - i1);
    let twist = 3.0 * (i0 - i1 - i2 + i3);
    let steep = 0.5 * (abs(slope_x) + abs(slope_y)) + 0.25 * abs(twist);
    let flat = select(1.0, mean / steep, steep > mean);
    out.surface = vec4f(mean, flat * slope_x, flat * slope_y, flat * twist) * (full * (1.0 - split) / (width * width));
    out.flux = full * mean * (1.0 - split);
    out.misfit = misfit * TOLERANCE * light.peak_flux * (1.0 - split);
  }
  return out;
}

fn surface_at(s: vec4f, at: vec2f) -> f32 {
  return s.x + s.y * at.x + s.z * at.y + s.w * at.x * at.y;
}

fn slope_at(s: vec4f, at: vec2f) -> vec2f {
  return vec2f(s.y + s.w * at.y, s.z + s.w * at.x);
}

// All light of a square below the pixel level: (flux, error bound, moments about the centre of its cell in flux times cell width).
// Depth first with a stack of (centre, width, weight).
fn walk(width: f32, centre: vec2f, weight: f32) -> vec4f {
  var stack: array<vec4f, 32>;
  stack[0] = vec4f(centre, width, weight);
  var top = 1u;
  let k = f32(OVERSAMPLE);
  let cell_centre = floor(centre * k) + 0.5;
  var sum = vec4f(0.0);
  while (top > 0u) {
    top -= 1u;
    let s = stack[top];
    let n = node(s.z, s.xy);
    let moment = n.flux * (s.xy * k - cell_centre) + n.surface.yz * (s.z * s.z * s.z * k / 12.0);
    sum += s.w * vec4f(n.flux, n.misfit, moment);
    if (n.split > 0.0 && top <= 28u) {
      let q = 0.25 * s.z;
      let below = vec2f(0.5 * s.z, s.w * n.split);
      stack[top] = vec4f(s.x - q, s.y - q, below);
      stack[top + 1u] = vec4f(s.x + q, s.y - q, below);
      stack[top + 2u] = vec4f(s.x - q, s.y + q, below);
      stack[top + 3u] = vec4f(s.x + q, s.y + q, below);
      top += 4u;
    }
  }
  return sum;
}

@compute @workgroup_size(64)
fn sample(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tiles = GRID / TILE;
  let corner = vec2u(group.x % tiles, group.x / tiles) * TILE;
  let item = group.z;
  let component = group.y;
  if (LENSED == 1u) { lens = lenses[item]; }
  light = sources[item * COMPONENTS + component];
  let dark = light.kind == 0u;
  let split_pixel = select(1u, OVERSAMPLE, OVERSAMPLE > 1u);
  let parts_per_pixel = select(OVERSAMPLE * OVERSAMPLE, 4u, OVERSAMPLE == 1u);
  var sum = vec2f(0.0);

  if (lid < 4u && !dark) {
    let n = node(4.0, vec2f(corner + 4u * vec2u(lid & 1u, lid >> 1u)) + 2.0);
    block_surface[lid] = n.surface;
    block_split[lid] = n.split;
    sum += vec2f(n.flux, n.misfit);
  }
  if (lid == 0u) { atomicStore(&listed_count, 0u); }
  workgroupBarrier();

  let block = ((lid & 3u) >> 1u) + 2u * (lid >> 3u);
  if (lid < 16u && !dark) {
    let weight = block_split[block];
    var n: Node;
    if (weight > 0.0) {
      n = node(2.0, vec2f(corner + 2u * vec2u(lid & 3u, lid >> 2u)) + 1.0);
      sum += weight * vec2f(n.flux, n.misfit);
    }
    half_surface[lid] = weight * n.surface;
    half_split[lid] = weight * n.split;
  }
  workgroupBarrier();

  let pixel = vec2u(lid & 7u, lid >> 3u);
  let half_index = (pixel.x >> 1u) + 4u * (pixel.y >> 1u);
  var own = vec4f(0.0);
  if (!dark) {
    let weight = half_split[half_index];
    if (weight > 0.0) {
      let n = node(1.0, vec2f(corner + pixel) + 0.5);
      own = weight * n.surface;
      sum += weight * vec2f(n.flux, n.misfit);
      pixel_weight[lid] = weight * n.split;
      if (weight * n.split > 0.0) { listed[atomicAdd(&listed_count, 1u)] = lid; }
    }
  }
  for (var i = 0u; i < parts_per_pixel; i++) {
    parts[lid * parts_per_pixel + i] = 0.0;
    part_moments[lid * parts_per_pixel + i] = vec2f(0.0);
  }
  workgroupBarrier();

  let across = select(split_pixel, 2u, OVERSAMPLE == 1u);
  let todo = atomicLoad(&listed_count) * parts_per_pixel;
  for (var i = lid; i < todo; i += 64u) {
    let which = listed[i / parts_per_pixel];
    let part = i % parts_per_pixel;
    let width = 1.0 / f32(across);
    let at = vec2f(corner + vec2u(which & 7u, which >> 3u)) + (vec2f(vec2u(part % across, part / across)) + 0.5) * width;
    let found = walk(width, at, pixel_weight[which]);
    parts[which * parts_per_pixel + part] = found.x;
    part_moments[which * parts_per_pixel + part] = found.zw;
    sum += found.xy;
  }
  workgroupBarrier();

  let side = GRID * OVERSAMPLE;
  let start = (item * COMPONENTS + component) * side * side;
  let block_of_pixel = (pixel.x >> 2u) + 2u * (pixel.y >> 2u);
  let share = 1.0 / f32(OVERSAMPLE * OVERSAMPLE);
  for (var part = 0u; part < OVERSAMPLE * OVERSAMPLE; part++) {
    let cell = vec2u(part % OVERSAMPLE, part / OVERSAMPLE);
    let inside = (vec2f(cell) + 0.5) / f32(OVERSAMPLE);
    var value = 0.0;
    var moment = vec2f(0.0);
    if (!dark) {
      let at_half = (vec2f(pixel & vec2u(1u)) + inside) / 2.0 - 0.5;
      let at_block = (vec2f(pixel & vec2u(3u)) + inside) / 4.0 - 0.5;
      value = share * (surface_at(own, inside - 0.5) + surface_at(half_surface[half_index], at_half) + surface_at(block_surface[block_of_pixel], at_block));
      // A slope across a cell is worth 1/12 of it in moment; slopes are per node width.
      moment = slope_at(own, inside - 0.5) + slope_at(half_surface[half_index], at_half) / 2.0 + slope_at(block_surface[block_of_pixel], at_block) / 4.0;
      moment *= share / (12.0 * f32(OVERSAMPLE));
      if (OVERSAMPLE == 1u) {
        for (var i = 0u; i < 4u; i++) {
          value += parts[lid * 4u + i];
          moment += part_moments[lid * 4u + i];
        }
      } else {
        value += parts[lid * parts_per_pixel + part];
        moment += part_moments[lid * parts_per_pixel + part];
      }
    }
    let at = (corner + pixel) * OVERSAMPLE + cell;
    cells[start + at.y * side + at.x] = value;
    moments[start + at.y * side + at.x] = moment;
  }

  sums[lid] = sum;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step >>= 1u) {
    if (lid < step) { sums[lid] += sums[lid + step]; }
    workgroupBarrier();
  }
  if (lid == 0u) { partials[(item * COMPONENTS + component) * tiles * tiles + group.x] = sums[0]; }
}

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

override ERROR_SCALE: f32 = 1.0;

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
