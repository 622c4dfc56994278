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

@group(0) @binding(0) var<storage, read> lenses: array<Lens>;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> bank: array<f32>;
@group(0) @binding(3) var<storage, read_write> cells: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> moments: array<vec2f>;

const TILE = 8u;
const NODE = 0.28867513;
const SPREAD = 0.8660254;
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
var<workgroup> own_surface: array<vec4f, 64>;
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

// `centre`: px from the lens-plane origin, not from the grid's edge: near the middle of a large grid the latter has lost the digits that tell
// the smallest cells apart (a flux was off by 2.4e-5 for it).
// Rays and brightnesses in loops, and one call of node() in the kernel: unrolled by hand the lens models would be compiled sixteen times.
fn node(width: f32, centre: vec2f) -> Node {
  let theta = centre * PIXSCALE;
  let d = NODE * width * PIXSCALE;
  let size2 = width * width * PIXSCALE * PIXSCALE;
  var p: array<vec2f, 4>;
  var alpha2 = 0.0;
  for (var i = 0u; i < 4u; i++) {
    let at = theta + d * (2.0 * vec2f(f32(i & 1u), f32(i >> 1u)) - 1.0);
    var alpha = vec2f(0.0);
    if (LENSED == 1u) { alpha = deflect(lens, at); }
    alpha2 += dot(alpha, alpha);
    p[i] = source_plane(at, alpha);
  }
  let r = theta - vec2f(lens.x, lens.y);
  var bent = 0.75 * length(p[0] - p[1] - p[2] + p[3]);
  if (LENSED == 1u) { bent += BEND * size2 * 0.5 * sqrt(alpha2) * light.inv_v / max(dot(r, r), 0.25 * size2); }
  let span_x = SPREAD * (p[1] - p[0] + p[3] - p[2]);
  let span_y = SPREAD * (p[2] - p[0] + p[3] - p[1]);
  let diagonal = sqrt(dot(span_x, span_x) + dot(span_y, span_y) + 2.0 * abs(dot(span_x, span_y)));
  let middle = 0.25 * (p[0] + p[1] + p[2] + p[3]);
  let bound = light_bound(light, middle, 0.5 * diagonal + bent, max(length(span_x), length(span_y)) + 2.0 * bent);
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
    var i: array<f32, 4>;
    for (var k = 0u; k < 4u; k++) { i[k] = brightness(light, p[k]); }
    let mean = 0.25 * (i[0] + i[1] + i[2] + i[3]);
    let slope_x = SPREAD * (i[1] - i[0] + i[3] - i[2]);
    let slope_y = SPREAD * (i[2] - i[0] + i[3] - i[1]);
    let twist = 3.0 * (i[0] - i[1] - i[2] + i[3]);
    let steep = 0.5 * (abs(slope_x) + abs(slope_y)) + 0.25 * abs(twist);
    let flat = select(1.0, mean / steep, steep > mean);
    out.surface = vec4f(mean, flat * slope_x, flat * slope_y, flat * twist) * (full * (1.0 - split) / (width * width));
    out.flux = full * mean * (1.0 - split);
    // See the twin: the error of a template goes with the light that is there.
    let lit = 0.25 * (abs(i[0]) + abs(i[1]) + abs(i[2]) + abs(i[3])) * full * bound.y;
    out.misfit = select(misfit * TOLERANCE * light.peak_flux, lit, light.kind == SOURCE_TEMPLATE) * (1.0 - split);
  }
  return out;
}

fn surface_at(s: vec4f, at: vec2f) -> f32 {
  return s.x + s.y * at.x + s.z * at.y + s.w * at.x * at.y;
}

fn slope_at(s: vec4f, at: vec2f) -> vec2f {
  return vec2f(s.y + s.w * at.y, s.z + s.w * at.x);
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
  let k = f32(OVERSAMPLE);
  let across = max(OVERSAMPLE, 2u);
  let parts_per_pixel = across * across;
  for (var i = 0u; i < parts_per_pixel; i++) {
    parts[lid * parts_per_pixel + i] = 0.0;
    part_moments[lid * parts_per_pixel + i] = vec2f(0.0);
  }
  own_surface[lid] = vec4f(0.0);
  if (lid < 16u) { half_surface[lid] = vec4f(0.0); }
  if (lid < 4u) { block_surface[lid] = vec4f(0.0); }
  if (lid == 0u) { atomicStore(&listed_count, 0u); }
  workgroupBarrier();

  // Stages 0 to 2: the squares of 4, 2 and 1 px, whose surfaces are kept. Stage 3: what listed pixels hold below, depth first on a stack
  // of (centre, width, weight).
  var sum = vec2f(0.0);
  for (var stage = 0u; stage < 4u; stage++) {
    var tasks = 4u << (2u * stage);
    if (stage == 3u) { tasks = atomicLoad(&listed_count) * parts_per_pixel; }
    if (dark) { tasks = 0u; }
    for (var task = lid; task < tasks; task += 64u) {
      var stack: array<vec4f, 48>;
      var cell_centre = vec2f(0.0);
      if (stage == 3u) {
        let which = listed[task / parts_per_pixel];
        let part = task % parts_per_pixel;
        let inside = (vec2f(vec2u(part % across, part / across)) + 0.5) / f32(across) - 0.5;
        let pixel_centre = vec2f(corner + vec2u(which & 7u, which >> 3u)) + 0.5 - ORIGIN; // halves: exact
        let at = pixel_centre + inside;
        cell_centre = select(at, pixel_centre, OVERSAMPLE == 1u);
        stack[0] = vec4f(at, 1.0 / f32(across), pixel_weight[which]);
      } else {
        let per_side = 2u << stage;
        let place = vec2u(task % per_side, task / per_side);
        let parent = (place.x >> 1u) + (place.y >> 1u) * (per_side >> 1u);
        var weight = 1.0;
        if (stage == 1u) { weight = block_split[parent]; }
        if (stage == 2u) { weight = half_split[parent]; }
        let width = 4.0 / f32(1u << stage);
        stack[0] = vec4f(vec2f(corner) + (vec2f(place) + 0.5) * width - ORIGIN, width, weight);
      }
      var top = 1u;
      var found = vec4f(0.0); // flux, error bound, moments about the centre of the cell in flux times cell width
      while (top > 0u) {
        top -= 1u;
        let s = stack[top];
        if (s.w == 0.0) { // cut no further up: nothing here
          if (stage == 1u) { half_split[task] = 0.0; }
          continue;
        }
        let n = node(s.z, s.xy);
        let moment = n.flux * k * (s.xy - cell_centre) + n.surface.yz * (s.z * s.z * s.z * k / 12.0);
        found += s.w * vec4f(n.flux, n.misfit, moment);
        if (stage == 0u) {
          block_surface[task] = n.surface;
          block_split[task] = n.split;
        } else if (stage == 1u) {
          half_surface[task] = s.w * n.surface;
          half_split[task] = s.w * n.split;
        } else if (stage == 2u) {
          own_surface[task] = s.w * n.surface;
          pixel_weight[task] = s.w * n.split;
          if (n.split > 0.0) { listed[atomicAdd(&listed_count, 1u)] = task; }
        } else if (n.split > 0.0 && top <= 44u) {
          let q = 0.25 * s.z;
          let below = vec2f(0.5 * s.z, s.w * n.split);
          stack[top] = vec4f(s.x - q, s.y - q, below);
          stack[top + 1u] = vec4f(s.x + q, s.y - q, below);
          stack[top + 2u] = vec4f(s.x - q, s.y + q, below);
          stack[top + 3u] = vec4f(s.x + q, s.y + q, below);
          top += 4u;
        }
      }
      sum += found.xy;
      if (stage == 3u) {
        let at = listed[task / parts_per_pixel] * parts_per_pixel + task % parts_per_pixel;
        parts[at] = found.x;
        part_moments[at] = found.zw;
      }
    }
    workgroupBarrier();
  }

  let pixel = vec2u(lid & 7u, lid >> 3u);
  let half_index = (pixel.x >> 1u) + 4u * (pixel.y >> 1u);
  let own = own_surface[lid];
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
