/** Ellipses as axes and as coefficients of cxx dx^2 + cyy dy^2 + cxy dx dy = r^2 (SExtractor's CXX, CYY, CXY). */
import { ArcletError } from '../../core/errors.ts';

export interface EllipseCoefficients {
  /** In pixels^-2. */
  readonly cxx: number;
  readonly cyy: number;
  readonly cxy: number;
}

export interface EllipseAxes {
  /** Semi-major and semi-minor axis in pixels. */
  readonly a: number;
  readonly b: number;
  /** Angle of the major axis from +x towards +y in radians, in (-pi/2, pi/2]. */
  readonly theta: number;
}

/** Coefficients of the ellipse with semi-axes `a`, `b` (pixels) at r = 1 and position angle `theta` (radians from +x to +y). */
export function ellipseCoefficients(a: number, b: number, theta: number): EllipseCoefficients {
  const cos = Math.cos(theta);
  const sin = Math.sin(theta);
  const major = 1 / (a * a);
  const minor = 1 / (b * b);
  return {
    cxx: cos * cos * major + sin * sin * minor,
    cyy: sin * sin * major + cos * cos * minor,
    cxy: 2 * cos * sin * (major - minor),
  };
}

/**
 * Axes of the ellipse cxx dx^2 + cyy dy^2 + cxy dx dy = 1. A circle has theta 0.
 *
 * @throws INPUT_INVALID when the coefficients are those of no ellipse
 */
export function ellipseAxes({ cxx, cyy, cxy }: EllipseCoefficients): EllipseAxes {
  const determinant = cxx * cyy - 0.25 * cxy * cxy;
  if (!(cxx > 0 && determinant > 0)) {
    throw new ArcletError('INPUT_INVALID', `cxx ${cxx}, cyy ${cyy}, cxy ${cxy} describe no ellipse.`, {
      subject: 'ellipse',
      remedy: 'Give cxx, cyy > 0 with 4 cxx cyy > cxy^2.',
    });
  }
  const middle = 0.5 * (cxx + cyy);
  const spread = 0.5 * Math.hypot(cxx - cyy, cxy);
  // The smaller eigenvalue from the determinant: middle - spread would cancel for long ellipses.
  const large = middle + spread;
  const a = Math.sqrt(large / determinant);
  const b = 1 / Math.sqrt(large);
  // The major axis lies along the smaller eigenvalue.
  const theta = spread === 0 ? 0 : 0.5 * Math.atan2(-cxy, cyy - cxx);
  return { a, b, theta };
}

/**
 * Axes of a light distribution from its second moments in pixels^2: a and b are the standard deviations along the principal axes.
 * Moments of no extent (a negative eigenvalue) give b = 0.
 */
export function momentAxes(x2: number, y2: number, xy: number): EllipseAxes {
  const middle = 0.5 * (x2 + y2);
  const spread = Math.hypot(0.5 * (x2 - y2), xy);
  return {
    a: Math.sqrt(Math.max(0, middle + spread)),
    b: Math.sqrt(Math.max(0, middle - spread)),
    theta: spread === 0 ? 0 : 0.5 * Math.atan2(2 * xy, x2 - y2),
  };
}
