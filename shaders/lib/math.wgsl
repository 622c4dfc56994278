// Transcendental functions with their own polynomials. The builtins may be as poor as 2^-11 (sine, cosine) or 4096 ULP (arc tangent), and
// exp, log lose digits with the size of their argument. Errors below are the largest seen over 2^16 arguments on SwiftShader (test/shaders/math.test.ts).
// The additions that carry a split constant must keep their order; a compiler that reassociates them loses about one more digit.

const PI_2_HI = 1.5703125;
const PI_2_MID = 4.837512969970703e-4;
const PI_2_LO = 7.54978995489188e-8;
const LN2_HI = 0.693359375;
const LN2_LO = -2.12194440054690583e-4;

// (sine, cosine) of x radians, |x| <= 1e4. Pi/2 in three parts, then Taylor on [-pi/4, pi/4].
fn sin_cos(x: f32) -> vec2f {
  let n = round(x * 0.6366197723675814);
  let r = ((x - n * PI_2_HI) - n * PI_2_MID) - n * PI_2_LO;
  let z = r * r;
  let s = r + r * z * (-0.16666666666666666 + z * (8.333333333333333e-3 + z * (-1.984126984126984e-4 + z * 2.7557319223985893e-6)));
  let c = 1.0 + z * (-0.5 + z * (0.041666666666666664 + z * (-1.3888888888888889e-3 + z * (2.48015873015873e-5 - z * 2.755731922398589e-7))));
  let quadrant = i32(n) & 3;
  let swapped = select(vec2f(s, c), vec2f(c, s), (quadrant & 1) == 1);
  return vec2f(select(swapped.x, -swapped.x, quadrant >= 2), select(swapped.y, -swapped.y, quadrant == 1 || quadrant == 2));
}

// Arc tangent, radians. Three ranges and the Cephes polynomial on |x| <= tan(pi/8).
fn arc_tan(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 2.414213562373095;
  let middle = !far && a > 0.4142135623730950;
  let base = select(select(0.0, 0.7853981633974483, middle), 1.5707963267948966, far);
  let t = select(select(a, (a - 1.0) / (a + 1.0), middle), -1.0 / max(a, 1.0), far);
  let z = t * t;
  let p = ((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1;
  let y = base + (p * z * t + t);
  return select(y, -y, x < 0.0);
}

// Angle of (x, y), radians in [-pi, pi]; 0 at the origin.
fn arc_tan2(y: f32, x: f32) -> f32 {
  let ax = abs(x);
  let ay = abs(y);
  let large = max(ax, ay);
  if (large == 0.0) { return 0.0; }
  let first = arc_tan(min(ax, ay) / large);
  let octant = select(first, 1.5707963267948966 - first, ay > ax);
  let half_plane = select(octant, 3.141592653589793 - octant, x < 0.0);
  return select(half_plane, -half_plane, y < 0.0);
}

// Natural logarithm of a normal x > 0: exponent from the bits, 2 artanh((m-1)/(m+1)) for the mantissa in [sqrt 1/2, sqrt 2).
fn log_e(x: f32) -> f32 {
  let shifted = bitcast<u32>(x) - 0x3f3504f3u;
  let e = f32(bitcast<i32>(shifted) >> 23u);
  let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
  return e * LN2_HI + (log_mantissa(m - 1.0) + e * LN2_LO);
}

// log(1 + d) for -0.293 <= d <= 0.415.
fn log_mantissa(d: f32) -> f32 {
  let s = d / (2.0 + d);
  let z = s * s;
  return s * (2.0 + z * (0.6666666666666666 + z * (0.4 + z * (0.2857142857142857 + z * 0.2222222222222222))));
}

// log(1 + x), x > -1, with full relative accuracy near 0.
fn log1p_e(x: f32) -> f32 {
  if (x > -0.29 && x < 0.41) { return log_mantissa(x); }
  return log_e(1.0 + x);
}

// e^x; 0 below -87, the value at 88 above 88. Taylor to degree 7 after x = n ln 2 + r.
fn exp_e(x: f32) -> f32 {
  if (x < -87.0) { return 0.0; }
  let bounded = min(x, 88.0);
  let n = round(bounded * 1.4426950408889634);
  let r = (bounded - n * LN2_HI) - n * LN2_LO;
  let p = r * r * (0.5 + r * (0.16666666666666666 + r * (0.041666666666666664 + r * (8.333333333333333e-3 + r * (1.3888888888888889e-3 + r * 1.984126984126984e-4)))));
  return ldexp(1.0 + (r + p), i32(n));
}

// x^y for x > 0: relative error about |y log x| 6e-8.
fn pow_e(x: f32, y: f32) -> f32 {
  return exp_e(y * log_e(x));
}

// Area hyperbolic tangent, |x| < 1: the Cephes polynomial below 1/2, the logarithm above.
fn area_tanh(x: f32) -> f32 {
  let a = abs(x);
  if (a < 0.5) {
    let z = x * x;
    let p = (((1.81740078349e-1 * z + 8.24370301058e-2) * z + 1.46691431730e-1) * z + 1.99782164500e-1) * z + 3.33337300303e-1;
    return p * z * x + x;
  }
  let y = 0.5 * log_e((1.0 + a) / (1.0 - a));
  return select(y, -y, x < 0.0);
}
