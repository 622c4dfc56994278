//#import "lib/math.wgsl"

// Round NFW halo in units of kappa_s; twin of src/sky/lensing/nfw.ts, where w, T and h are defined.

// T(w) = artanh(sqrt w)/sqrt w, arctan for w < 0, with w = (1-X)/(1+X).
fn nfw_t(x: f32, w: f32) -> f32 {
  if (abs(w) < 0.04) {
    return 1.0 + w * (0.3333333333333333 + w * (0.2 + w * (0.14285714285714285 + w * 0.1111111111111111)));
  }
  let root = sqrt(abs(w));
  if (w < 0.0) { return arc_tan(root) / root; }
  // artanh(root) with 1 - w = 2X/(1+X) taken exactly.
  return (log_e(1.0 + root) - 0.5 * log_e(2.0 * x / (1.0 + x))) / root;
}

// ln(X/2) + h about X = 1: with ln X = -2 artanh w and h = (1+w) T(w) a power series in w; 2e-8 at |w| = 0.3.
fn nfw_g_near_one(w: f32) -> f32 {
  var s = -0.0768091168;
  s = s * w + 0.0834782609;
  s = s * w - 0.0907208733;
  s = s * w + 0.100250627;
  s = s * w - 0.110767114;
  s = s * w + 0.125490196;
  s = s * w - 0.142124542;
  s = s * w + 0.167832168;
  s = s * w - 0.197979798;
  s = s * w + 0.253968254;
  s = s * w - 0.323809524;
  s = s * w + 0.533333333;
  s = s * w - 0.666666667;
  s = s * w + 0.306852819;
  return s;
}

// Mean convergence within X: 4 (ln(X/2) + h)/X^2. The sum as it stands above X = 1.86; below it would lose a digit at X = 1/2, X^2 digits
// further down.
fn nfw_mean_convergence(x: f32) -> f32 {
  let w = (1.0 - x) / (1.0 + x);
  if (w < -0.3) { return 4.0 * (log_e(0.5 * x) + 2.0 / (1.0 + x) * nfw_t(x, w)) / (x * x); }
  if (w < 0.3) { return 4.0 * nfw_g_near_one(w) / (x * x); }
  let z = x * x;
  // Coefficients (a_k, c_k), k = 12 .. 1, as src/sky/lensing/nfw.ts computes them.
  var s = vec2f(0.1611802578, 0.1084336154);
  s = s * z + vec2f(0.1681880951, 0.1128434318);
  s = s * z + vec2f(0.176197052, 0.1178355497);
  s = s * z + vec2f(0.1854705811, 0.1235493403);
  s = s * z + vec2f(0.1963806152, 0.1301751818);
  s = s * z + vec2f(0.2094726563, 0.1379807245);
  s = s * z + vec2f(0.2255859375, 0.1473551432);
  s = s * z + vec2f(0.24609375, 0.1588867187);
  s = s * z + vec2f(0.2734375, 0.1735026042);
  s = s * z + vec2f(0.3125, 0.1927083333);
  s = s * z + vec2f(0.375, 0.21875);
  s = s * z + vec2f(0.5, 0.25);
  return 4.0 * (s.x * log_e(2.0 / x) - s.y);
}

// Convergence at X: 2 (1-h)/(X^2-1); near X = 1 the series in w.
fn nfw_convergence(x: f32) -> f32 {
  let w = (1.0 - x) / (1.0 + x);
  if (abs(w) < 0.15) {
    var sum = 0.0;
    for (var k = 8u; k >= 1u; k--) {
      let order = f32(k);
      sum = sum * w + 4.0 * order / (4.0 * order * order - 1.0);
    }
    return 2.0 * sum / ((1.0 + x) * (1.0 + x));
  }
  return 2.0 * (1.0 - 2.0 / (1.0 + x) * nfw_t(x, w)) / (x * x - 1.0);
}

// (kappa, gamma1, gamma2): the shear is the excess of the local over the mean convergence.
fn nfw_shear(p: vec2f, rs: f32, kappa_s: f32, core: f32) -> vec3f {
  let r2 = dot(p, p) + core * core;
  let x = sqrt(r2) / rs;
  let kappa = kappa_s * nfw_convergence(x);
  let excess = (kappa - kappa_s * nfw_mean_convergence(x)) / r2;
  return vec3f(kappa, excess * (p.x * p.x - p.y * p.y), 2.0 * excess * p.x * p.y);
}
