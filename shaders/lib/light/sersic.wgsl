//#import "lib/math.wgsl"

// R^(1/n) from R2 = R^2: the exponential (n = 1) and the Gaussian (n = 1/2) take no power.
fn sersic_power(R2: f32, inv_n: f32) -> f32 {
  if (inv_n == 1.0) { return sqrt(R2); }
  if (inv_n == 2.0) { return R2; }
  if (R2 < 1e-37) { return 0.0; }
  return pow_e(R2, 0.5 * inv_n);
}

// Sersic shape exp(-bn R^(1/n)) relative to the centre, from R2 = (R/Re)^2 and inv_n = 1/n. The host passes bn and scales by I_0.
// Relative error below 5e-6 while the exponent is below 20.
fn sersic_profile(R2: f32, bn: f32, inv_n: f32) -> f32 {
  return exp_e(-bn * sersic_power(R2, inv_n));
}
