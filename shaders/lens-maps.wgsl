// Deflection and its derivatives on a pixel grid, one invocation per pixel.
// Docs: docs/kernels/lens-maps.md. Twin: kernels/lens-maps/cpu.ts.
//#import "lib/lens/deflection.wgsl"

struct LensMapsUniform {
  size: u32,
  items: u32,
  row_length: u32,
  pixscale: f32,
}

@group(0) @binding(0) var<storage, read> lenses: array<Lens>;
@group(0) @binding(1) var<storage, read_write> alpha_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> alpha_y: array<f32>;
@group(0) @binding(3) var<storage, read_write> kappa: array<f32>;
@group(0) @binding(4) var<storage, read_write> gamma1: array<f32>;
@group(0) @binding(5) var<storage, read_write> gamma2: array<f32>;
@group(0) @binding(6) var<storage, read_write> inverse_magnification: array<f32>;
@group(0) @binding(7) var<uniform> grid: LensMapsUniform;

@compute @workgroup_size(64)
fn lens_maps(@builtin(global_invocation_id) id: vec3u) {
  let item = id.z * grid.row_length + id.y;
  let pixels = grid.size * grid.size;
  if (item >= grid.items || id.x >= pixels) { return; }
  let pixel = vec2f(f32(id.x % grid.size), f32(id.x / grid.size));
  let theta = (pixel - 0.5 * f32(grid.size - 1u)) * grid.pixscale;
  let lens = lenses[item];
  let a = deflect(lens, theta);
  let k = convergence_shear(lens, theta);
  let at = item * pixels + id.x;
  alpha_x[at] = a.x;
  alpha_y[at] = a.y;
  kappa[at] = k.x;
  gamma1[at] = k.y;
  gamma2[at] = k.z;
  let g = length(k.yz);
  inverse_magnification[at] = (1.0 - k.x - g) * (1.0 - k.x + g);
}
