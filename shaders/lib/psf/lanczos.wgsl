// Lanczos-3 interpolation, twin of kernels/make-psf/lanczos.ts.
//#import "lib/math.wgsl"

// sinc(x) sinc(x/3) inside |x| < 3.
fn lanczos3(x: f32) -> f32 {
  if (abs(x) >= 3.0) { return 0.0; }
  if (abs(x) < 1e-4) { return 1.0; }
  let angle = 3.141592653589793 * x;
  return 3.0 * sin_cos(angle).x * sin_cos(angle / 3.0).x / (angle * angle);
}

// The six taps about a point whose fractional part is `fraction`, divided by their sum; tap t lies at floor(point) - 2 + t.
fn lanczos3_taps(fraction: f32) -> array<f32, 6> {
  var taps: array<f32, 6>;
  var sum = 0.0;
  for (var t = 0; t < 6; t++) {
    taps[t] = lanczos3(fraction + f32(2 - t));
    sum += taps[t];
  }
  for (var t = 0; t < 6; t++) { taps[t] /= sum; }
  return taps;
}
