// Gaussian and Moffat PSFs: value 1 at the centre, round in the frame of the axes scaled to equal area.
//#import "lib/math.wgsl"
//#struct Psf

const PSF_NONE = 0u;
const PSF_GAUSSIAN = 1u;
const PSF_MOFFAT = 2u;
const PSF_PIXELISED = 3u;

// Native pixels about the PSF's centre -> units of scale along (major, minor), where the PSF is round.
fn psf_round_frame(psf: Psf, position: vec2f) -> vec2f {
  let u = psf.cosPhi * position.x + psf.sinPhi * position.y;
  let v = psf.cosPhi * position.y - psf.sinPhi * position.x;
  let root = sqrt(psf.q);
  return vec2f(u * root, v / root) / psf.scale;
}

// exp(-r^2/2) or (1 + r^2)^-beta.
fn psf_shape(psf: Psf, r2: f32) -> f32 {
  if (psf.kind == PSF_GAUSSIAN) { return exp_e(-0.5 * r2); }
  return exp_e(-psf.beta * log1p_e(r2));
}

// Fraction of the infinite-plane flux beyond r.
fn psf_tail(psf: Psf, r2: f32) -> f32 {
  if (psf.kind == PSF_GAUSSIAN) { return exp_e(-0.5 * r2); }
  return exp_e((1.0 - psf.beta) * log1p_e(r2));
}
