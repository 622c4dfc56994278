// An image on another grid: tiles of output pixels from windows of the source. Docs: docs/kernels/resample-lanczos.md. Twin: kernels/resample-lanczos/cpu.ts.

override TILE: u32;
override STEP: i32;
override WINDOW: i32;
override TAPS: i32;
override CONTROL_SIDE: u32;
override POSITION_BITS: u32;
override MOST_MISSING: i32;
override CONSERVE_FLUX: u32;

const PHASE_BITS = 13u;
const COUNT_SCALE = 2048.0;
const MIN_WEIGHT = 1e-30;
const NO_POSITION = i32(-0x7fffffff - 1);
const NO_DATA = 1u;
const PARTIAL = 2u;

@group(0) @binding(0) var<storage, read> pixels: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> control: array<vec2i>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read_write> image: array<f32>;
@group(0) @binding(5) var<storage, read_write> invvar: array<f32>;
@group(0) @binding(6) var<storage, read_write> mask: array<u32>;

fn leave(at: u32) {
  image[at] = 0.0;
  invvar[at] = 0.0;
  mask[at] = NO_DATA;
}

@compute @workgroup_size(8, 8)
fn resample_tiles(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let x = 8u * group.x + local.x;
  let y = 8u * group.y + local.y;
  if (x >= TILE || y >= TILE) { return; }
  let out = (group.z * TILE + y) * TILE + x;

  // The cell of control points, and the position in whole numbers of 2^-POSITION_BITS px.
  let corner = (group.z * CONTROL_SIDE + y / u32(STEP)) * CONTROL_SIDE + x / u32(STEP);
  let c00 = control[corner];
  let c01 = control[corner + 1u];
  let c10 = control[corner + CONTROL_SIDE];
  let c11 = control[corner + CONTROL_SIDE + 1u];
  if (any(vec4i(c00.x, c01.x, c10.x, c11.x) == vec4i(NO_POSITION))) {
    leave(out);
    return;
  }
  let u = i32(x) % STEP;
  let v = i32(y) % STEP;
  let left = c00 * (STEP - v) + c10 * v;
  let right = c01 * (STEP - v) + c11 * v;
  // A single tap is that of the nearest pixel.
  let half = select(0, 1 << (POSITION_BITS - 1u), TAPS == 1);
  let position = left * STEP + u * (right - left) + half;
  let first = (position >> vec2u(POSITION_BITS)) - max(TAPS / 2 - 1, 0);
  let drop = POSITION_BITS - PHASE_BITS;
  let fraction = position & vec2i((1 << POSITION_BITS) - 1);
  let row = ((fraction + (1 << (drop - 1u))) >> vec2u(drop)) * TAPS;

  let start = i32(group.z) * WINDOW * WINDOW;
  var sum = 0.0;
  var weight_sum = 0.0;
  var variance = 0.0;
  var missing = 0;
  var partial = 0u;
  for (var j = 0; j < TAPS; j++) {
    let weight_y = table[row.y + j];
    let source_y = first.y + j;
    let inside_y = source_y >= 0 && source_y < WINDOW;
    var line = 0.0;
    var line_weight = 0.0;
    var line_variance = 0.0;
    var line_missing = 0;
    for (var i = 0; i < TAPS; i++) {
      let weight = table[row.x + i];
      let source_x = first.x + i;
      var certainty = 0.0;
      var value = 0.0;
      if (inside_y && source_x >= 0 && source_x < WINDOW) {
        let at = start + source_y * WINDOW + source_x;
        certainty = weights[at];
        value = pixels[at];
      }
      if (certainty >= MIN_WEIGHT) {
        line += weight * value;
        line_weight += weight;
        line_variance += weight * weight / certainty;
      } else {
        line_missing += i32(abs(weight) * COUNT_SCALE);
        if (weight != 0.0 && weight_y != 0.0) { partial = PARTIAL; }
      }
    }
    sum += weight_y * line;
    weight_sum += weight_y * line_weight;
    variance += weight_y * weight_y * line_variance;
    missing += i32(abs(weight_y) * COUNT_SCALE) * line_missing;
  }
  if (missing > MOST_MISSING) {
    leave(out);
    return;
  }
  var area = 1.0;
  if (CONSERVE_FLUX == 1u) {
    let unit = ldexp(1.0, -i32(POSITION_BITS));
    let along = vec2f(right - left) * unit;
    let up = vec2f((c10 - c00) * (STEP - u) + (c11 - c01) * u) * unit;
    area = abs(along.x * up.y - along.y * up.x);
  }
  image[out] = sum / weight_sum * area;
  invvar[out] = weight_sum * weight_sum / (variance * area * area);
  mask[out] = partial;
}
