//#import "lib/math.wgsl"

// SIE, NIE and SIS in the lens frame; twin of src/sky/lensing/isothermal.ts, where the algebra stands.
// f is never 0 (the host keeps it >= 1e-6), so b/f needs no series near q = 1: arc_tan and area_tanh keep their relative accuracy at 0.

fn isothermal_deflection(p: vec2f, b: f32, q: f32, f: f32, core: f32) -> vec2f {
  let q2 = q * q;
  let psi = sqrt(q2 * (p.x * p.x + core * core) + p.y * p.y);
  let near = psi + core;
  let far = psi + q2 * core;
  let w = f * abs(p.y);
  var hyperbolic: f32;
  if (w < 0.5 * far) {
    hyperbolic = area_tanh(w / far);
  } else {
    // artanh(w/far) = ln((far + w)/(q sqrt D)): 1 - w/far would lose 1/q^2 digits.
    let d = near * near + f * f * p.x * p.x;
    hyperbolic = log_e((far + w) / (q * sqrt(d)));
  }
  return (b / f) * vec2f(arc_tan(f * p.x / near), select(hyperbolic, -hyperbolic, p.y < 0.0));
}

// (kappa, gamma1, gamma2)
fn isothermal_shear(p: vec2f, b: f32, q: f32, f: f32, core: f32) -> vec3f {
  let psi = sqrt(q * q * (p.x * p.x + core * core) + p.y * p.y);
  let near = psi + core;
  let d = near * near + f * f * p.x * p.x;
  let kappa = b / (2.0 * psi);
  return kappa * vec3f(1.0, (p.y * p.y - p.x * p.x - f * f * core * core) / d, -2.0 * p.x * p.y / d);
}

fn sis_deflection(p: vec2f, b: f32, core: f32) -> vec2f {
  return p * (b / (sqrt(dot(p, p) + core * core) + core));
}
