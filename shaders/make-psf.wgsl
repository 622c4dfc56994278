// One effective-PSF stamp per workgroup: lanes sample in strides, a tree sums, each lane scales what it wrote.
// Docs: docs/kernels/make-psf.md. Twin: kernels/make-psf/cpu.ts.
//#import "lib/psf/profile.wgsl"
//#import "lib/psf/lanczos.wgsl"

struct MakePsfUniform {
  psfs: u32,
  side: u32,
  oversample: u32,
  centre: u32,
  bank_side: u32,
  bank_stamps: u32,
  normalise_stamp: u32,
  row_length: u32,
}

@group(0) @binding(0) var<storage, read> psfs: array<Psf>;
@group(0) @binding(1) var<storage, read> bank: array<f32>;
// (node, weight) pairs of the Gauss-Legendre rules 1..16 on the pixel; order n starts at n(n-1)/2.
@group(0) @binding(2) var<storage, read> rules: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> stamps: array<f32>;
@group(0) @binding(4) var<storage, read_write> flux_lost: array<f32>;
@group(0) @binding(5) var<uniform> sizes: MakePsfUniform;

const LANES = 128u;
const MAX_TAPS = 16;
const HALF_SIDE_ORDER = 16u;

// (sum of samples, flux outside the square)
var<workgroup> partial: array<vec2f, LANES>;

fn first_pair(order: u32) -> u32 {
  return order * (order - 1u) / 2u;
}

// Gaussian or Moffat at a point, or its mean over the native pixel about it.
fn model_value(psf: Psf, position: vec2f) -> f32 {
  let from_centre = position - vec2f(psf.dx, psf.dy);
  let order = select(psf.order, 1u, psf.includesPixel == 1u);
  let pairs = first_pair(order);
  var mean = 0.0;
  for (var j = 0u; j < order; j++) {
    var row = 0.0;
    for (var i = 0u; i < order; i++) {
      let node = vec2f(rules[pairs + i].x, rules[pairs + j].x);
      let p = psf_round_frame(psf, from_centre + node);
      row += rules[pairs + i].y * psf_shape(psf, dot(p, p));
    }
    mean += rules[pairs + j].y * row;
  }
  return mean;
}

struct AxisWeights {
  first: i32,
  taps: array<f32, MAX_TAPS>,
}

// Weights of the bank samples along one axis for a point `position` samples from the stamp's centre.
fn bank_weights(psf: Psf, position: f32) -> AxisWeights {
  let order = select(psf.order, 1u, psf.includesPixel == 1u);
  let pairs = first_pair(order);
  // Measured from the centre, so that a float32 position is finest where the PSF is brightest.
  let from_centre = position + select(0.0, 0.5, sizes.bank_side % 2u == 0u);
  let lowest = select(from_centre - 0.5 / psf.bankStep, from_centre, psf.includesPixel == 1u);
  var weights: AxisWeights;
  let first = i32(floor(lowest)) - 2;
  for (var i = 0u; i < order; i++) {
    let point = from_centre + rules[pairs + i].x / psf.bankStep;
    let below = floor(point);
    var taps = lanczos3_taps(point - below);
    for (var t = 0; t < 6; t++) {
      let at = clamp(i32(below) - 2 - first + t, 0, MAX_TAPS - 1);
      weights.taps[at] += rules[pairs + i].y * taps[t];
    }
  }
  weights.first = first + i32((sizes.bank_side - 1u) / 2u);
  return weights;
}

fn bank_value(psf: Psf, position: vec2f) -> f32 {
  let from_centre = (position - vec2f(psf.dx, psf.dy)) / psf.bankStep;
  var columns = bank_weights(psf, from_centre.x);
  var rows = bank_weights(psf, from_centre.y);
  let side = i32(sizes.bank_side);
  let stamp = min(psf.bankIndex, sizes.bank_stamps - 1u) * sizes.bank_side * sizes.bank_side;
  var sampled = 0.0;
  for (var j = max(0, -rows.first); j < min(MAX_TAPS, side - rows.first); j++) {
    var row = 0.0;
    for (var i = max(0, -columns.first); i < min(MAX_TAPS, side - columns.first); i++) {
      row += columns.taps[i] * bank[stamp + u32((rows.first + j) * side + columns.first + i)];
    }
    sampled += rows.taps[j] * row;
  }
  return sampled;
}

// One term of the contour integral of kernels/make-psf/flux.ts: the flux seen through a piece of the square's edge.
fn edge_term(psf: Psf, half_width: f32, term: u32) -> f32 {
  let side = term / (2u * HALF_SIDE_ORDER);
  let rule = rules[first_pair(HALF_SIDE_ORDER) + term % HALF_SIDE_ORDER];
  let half = select(-0.5, 0.5, (term / HALF_SIDE_ORDER) % 2u == 1u);
  // Outward normal of the sides +x, +y, -x, -y.
  let normal = vec2f(f32(side == 0u) - f32(side == 2u), f32(side == 1u) - f32(side == 3u));
  let tangent = vec2f(-normal.y, normal.x);
  let edge = half_width * (normal + (rule.x + half) * tangent) - vec2f(psf.dx, psf.dy);
  let p = psf_round_frame(psf, edge);
  let along = psf_round_frame(psf, tangent);
  let r2 = dot(p, p);
  return rule.y * half_width * psf_tail(psf, r2) * (p.x * along.y - p.y * along.x) / r2 * 0.15915494309189535;
}

@compute @workgroup_size(LANES)
fn make_psf(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.y * sizes.row_length + group.x;
  if (index >= sizes.psfs) { return; }
  let psf = psfs[index];
  let samples = sizes.side * sizes.side;
  let start = index * samples;
  let reach = min(i32(psf.truncation * sizes.oversample), i32(sizes.centre));
  let is_model = psf.kind == PSF_GAUSSIAN || psf.kind == PSF_MOFFAT;

  var sum = 0.0;
  for (var s = lane; s < samples; s += LANES) {
    let x = i32(s % sizes.side) - i32(sizes.centre);
    let y = i32(s / sizes.side) - i32(sizes.centre);
    let position = vec2f(f32(x), f32(y)) / f32(sizes.oversample);
    var sampled = 0.0;
    if (max(abs(x), abs(y)) <= reach) {
      if (is_model) {
        sampled = model_value(psf, position);
      } else if (psf.kind == PSF_PIXELISED) {
        sampled = bank_value(psf, position);
      } else {
        sampled = f32(x == 0 && y == 0);
      }
    }
    stamps[start + s] = sampled;
    sum += sampled;
  }
  var lost = 0.0;
  if (is_model) {
    let half_width = (f32(reach) + 0.5) / f32(sizes.oversample);
    for (var term = lane; term < 8u * HALF_SIDE_ORDER; term += LANES) { lost += edge_term(psf, half_width, term); }
  }
  partial[lane] = vec2f(sum, lost);
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { partial[lane] += partial[lane + stride]; }
    workgroupBarrier();
  }
  let total = partial[0];
  let area = f32(sizes.oversample * sizes.oversample);
  var factor = select(psf.amplitude, area / total.x, sizes.normalise_stamp == 1u);
  if (psf.kind == PSF_NONE) { factor = area; }
  for (var s = lane; s < samples; s += LANES) { stamps[start + s] *= factor; }
  if (lane == 0u) { flux_lost[index] = total.y; }
}
