//#import "lib/light/sersic.wgsl"

// Brightness of one light component and the bound on what a cell of it may hold; twin of kernels/render-lensed/light.ts.
// Needs `override TEMPLATE_SIDE: u32` and a storage array `bank` in the kernel.
//#struct Source

override TEMPLATE_SIDE: u32 = 1u;

const SOURCE_TEMPLATE = 2u;
const SOFTENING = 0.3;
const SOFTENING_CAP = 0.4;
const EDGE = 4.0;

fn texel(start: u32, x: i32, y: i32) -> f32 {
  let side = i32(TEMPLATE_SIDE);
  if (x < 0 || y < 0 || x >= side || y >= side) { return 0.0; }
  return bank[start + u32(y * side + x)];
}

fn template_brightness(source: Source, p: vec2f) -> f32 {
  let side = f32(TEMPLATE_SIDE);
  let at = p + 0.5 * (side - 1.0);
  if (!(all(at > vec2f(-1.0)) && all(at < vec2f(side)))) { return 0.0; }
  let base = floor(at);
  let f = at - base;
  let x = i32(base.x);
  let y = i32(base.y);
  let start = source.bank_index * TEMPLATE_SIDE * TEMPLATE_SIDE;
  let low = texel(start, x, y) * (1.0 - f.x) + texel(start, x + 1, y) * f.x;
  let high = texel(start, x, y + 1) * (1.0 - f.x) + texel(start, x + 1, y + 1) * f.x;
  return low * (1.0 - f.y) + high * f.y;
}

// p: position in the source's frame, half-light radii (Sersic) or template pixels.
fn brightness(source: Source, p: vec2f) -> f32 {
  if (source.kind == SOURCE_TEMPLATE) { return template_brightness(source, p); }
  return sersic_profile(dot(p, p), source.bn, source.inv_n);
}

// (upper bound of the brightness, error of the four-point rule as a fraction of it).
fn light_bound(source: Source, p: vec2f, reach: f32, width: f32) -> vec2f {
  if (source.kind == SOURCE_TEMPLATE) {
    let outside = max(abs(p.x), abs(p.y)) - reach - 0.5 * (f32(TEMPLATE_SIDE) + 1.0);
    let inside = clamp(1.0 - outside, 0.0, 1.0);
    if (inside == 0.0) { return vec2f(0.0); }
    var brightest = 0.1 * source.peak;
    for (var j = -1; j <= 1; j++) {
      for (var i = -1; i <= 1; i++) { brightest = max(brightest, template_brightness(source, p + 0.7 * reach * vec2f(f32(i), f32(j)))); }
    }
    return vec2f(brightest * inside, min(1.0, 0.03 * width * width));
  }
  let centre = length(p);
  let near = max(max(centre - reach, min(SOFTENING * reach, SOFTENING_CAP)), 1e-12);
  let exponent = source.bn * sersic_power(near * near, source.inv_n);
  var at = near;
  var depth = exponent;
  if (source.inv_n > 2.0) { // an edge instead of a cusp
    let edge = pow_e(EDGE / source.bn, 1.0 / source.inv_n);
    at = max(near, min(edge, centre + reach));
    depth = source.bn * sersic_power(at * at, source.inv_n);
  }
  let rho = width / at;
  let lambda = depth * source.inv_n * rho;
  let square = rho * rho;
  let error = lambda * (lambda * (lambda * lambda + 7.0 * square) + 6.0 * rho * square) / 4320.0 * exp_e(exponent - depth);
  return vec2f(exp_e(-exponent), min(1.0, error));
}
