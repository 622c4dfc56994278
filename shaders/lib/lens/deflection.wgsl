//#import "lib/lens/isothermal.wgsl"
//#import "lib/lens/epl.wgsl"
//#import "lib/lens/nfw.wgsl"

// Deflection of one lens in the pixel frame, arcsec; twin of src/sky/lensing/models.ts. Everything in Lens is made on the host in f64
// (kernels/lens-struct.ts). Within 1e-5 arcsec of the twin over +-10 arcsec.
//#struct Lens

const LENS_POINT = 1u;
const LENS_SIS = 2u;
const LENS_SIE = 3u;
const LENS_NIE = 4u;
const LENS_EPL = 5u;
const LENS_NFW = 6u;

fn lens_frame(lens: Lens, d: vec2f) -> vec2f {
  return vec2f(lens.cosPhi * d.x + lens.sinPhi * d.y, lens.cosPhi * d.y - lens.sinPhi * d.x);
}

// Total deflection: lens, external shear and convergence, the last two about the lens centre.
fn deflect(lens: Lens, theta: vec2f) -> vec2f {
  let d = theta - vec2f(lens.x, lens.y);
  let p = lens_frame(lens, d);
  var a = vec2f(0.0);
  switch (lens.kind) {
    case LENS_POINT: { a = p * (lens.b * lens.b / (dot(p, p) + lens.core * lens.core)); }
    case LENS_SIS: { a = sis_deflection(p, lens.b, lens.core); }
    case LENS_SIE, LENS_NIE: { a = isothermal_deflection(p, lens.b, lens.q, lens.f, lens.core); }
    case LENS_EPL: { a = epl_deflection(p, lens.b, lens.q, lens.slope, lens.core, lens.eplTerms); }
    case LENS_NFW: { a = p * (lens.kappaS * nfw_mean_convergence(sqrt(dot(p, p) + lens.core * lens.core) / lens.rs)); }
    default: {}
  }
  return vec2f(lens.cosPhi * a.x - lens.sinPhi * a.y, lens.sinPhi * a.x + lens.cosPhi * a.y)
    + lens.kappaExt * d + vec2f(lens.gamma1 * d.x + lens.gamma2 * d.y, lens.gamma2 * d.x - lens.gamma1 * d.y);
}

// (kappa, gamma1, gamma2), external parts included.
fn convergence_shear(lens: Lens, theta: vec2f) -> vec3f {
  let p = lens_frame(lens, theta - vec2f(lens.x, lens.y));
  var k = vec3f(0.0);
  switch (lens.kind) {
    case LENS_POINT: {
      let core2 = lens.core * lens.core;
      let r2 = dot(p, p) + core2;
      k = (lens.b * lens.b / r2) * vec3f(core2, p.y * p.y - p.x * p.x, -2.0 * p.x * p.y) / r2;
    }
    case LENS_SIS, LENS_SIE, LENS_NIE: { k = isothermal_shear(p, lens.b, lens.q, lens.f, lens.core); }
    case LENS_EPL: { k = epl_shear(p, lens.b, lens.q, lens.slope, lens.core, lens.eplTerms); }
    case LENS_NFW: { k = nfw_shear(p, lens.rs, lens.kappaS, lens.core); }
    default: {}
  }
  let double_angle = vec2f(lens.cosPhi * lens.cosPhi - lens.sinPhi * lens.sinPhi, 2.0 * lens.sinPhi * lens.cosPhi);
  return vec3f(k.x + lens.kappaExt, complex_mul(k.yz, double_angle) + vec2f(lens.gamma1, lens.gamma2));
}

// (a_xx, a_xy, a_yy) of the total deflection.
fn hessian(lens: Lens, theta: vec2f) -> vec3f {
  let k = convergence_shear(lens, theta);
  return vec3f(k.x + k.y, k.z, k.x - k.y);
}
