//#import "lib/math.wgsl"
//#import "lib/complex.wgsl"

// Elliptical power law in the lens frame; twin of src/sky/lensing/epl.ts. The host gives the number of terms (from q).

fn epl_deflection(p: vec2f, b: f32, q: f32, slope: f32, core: f32, terms: u32) -> vec2f {
  let z = vec2f(q * p.x, p.y);
  let radius2 = dot(z, z) + core * core;
  let flattening = (1.0 - q) / (1.0 + q);
  let turn = (-flattening / radius2) * complex_mul(z, z);
  var term = z;
  var sum = z;
  let power = 2.0 - slope;
  for (var n = 1u; n < terms; n++) {
    let even = 2.0 * f32(n);
    term = ((even - power) / (even + power)) * complex_mul(term, turn);
    sum += term;
  }
  return (2.0 / (1.0 + q)) * pow_e(b * b / radius2, 0.5 * slope) * sum;
}

// (kappa, gamma1, gamma2)
fn epl_shear(p: vec2f, b: f32, q: f32, slope: f32, core: f32, terms: u32) -> vec3f {
  let a = epl_deflection(p, b, q, slope, core, terms);
  let core2 = core * core;
  let kappa = (1.0 - 0.5 * slope) * pow_e(b * b / (q * q * p.x * p.x + p.y * p.y + core2), 0.5 * slope);
  let shear = ((1.0 - slope) * complex_mul(a, p) - kappa * complex_mul(p, p)) / (dot(p, p) + core2);
  return vec3f(kappa, shear);
}
