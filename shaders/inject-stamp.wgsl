// What a rendered arc becomes on the survey's pixels: coverage, core, shot noise. One invocation for four pixels, which share a Philox block.
// Docs: docs/kernels/inject-stamp.md. Twin: kernels/inject-stamp/cpu.ts.
//#import "lib/rng/philox.wgsl"
//#import "lib/rng/poisson.wgsl"
//#struct InjectCore

struct InjectStampUniform {
  planes: u32,
  bands: u32,
  size: u32,
  row_length: u32,
}

override NOISE: bool = false;

@group(0) @binding(0) var<storage, read> convolved: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> cores: array<InjectCore>;
@group(0) @binding(3) var<storage, read> gains: array<f32>;
@group(0) @binding(4) var<storage, read> gains_per_invvar: array<f32>;
@group(0) @binding(5) var<storage, read> keys: array<vec2u>;
@group(0) @binding(6) var<storage, read_write> arc: array<f32>;
@group(0) @binding(7) var<uniform> grid: InjectStampUniform;

const MIN_WEIGHT = 1e-30;
const MIN_GAIN = 1e-30;
const NOISELESS_ABOVE = 1e14;
const NOISE_STREAM = 0x6172636eu;

@compute @workgroup_size(64)
fn inject_stamps(@builtin(global_invocation_id) id: vec3u) {
  let plane = id.z * grid.row_length + id.y;
  let pixels = grid.size * grid.size;
  let first = 4u * id.x;
  if (plane >= grid.planes || first >= pixels) { return; }
  let item = plane / grid.bands;
  let band = plane % grid.bands;
  let core = cores[item];
  var words = vec4u(0u);
  if (NOISE) { words = philox4x32(vec4u(id.x, band, 0u, NOISE_STREAM), keys[item]); }
  for (var pixel = first; pixel < min(first + 4u, pixels); pixel++) {
    let at = plane * pixels + pixel;
    let weight = weights[at];
    let offset = vec2f(f32(pixel % grid.size) - core.x, f32(pixel / grid.size) - core.y);
    var flux = convolved[at];
    if (!(weight >= MIN_WEIGHT) || dot(offset, offset) < core.radius * core.radius) { flux = 0.0; }
    if (NOISE && flux > 0.0) {
      let gain = gains[plane] + gains_per_invvar[plane] * weight;
      let electrons = flux * gain;
      if (gain >= MIN_GAIN && electrons < NOISELESS_ABOVE) {
        flux = poisson_of_word(electrons, words[pixel - first]) / gain;
      }
    }
    arc[at] = flux;
  }
}
