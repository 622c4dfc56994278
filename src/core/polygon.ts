/**
 * Closed polygons in the plane: area, winding number, clipping by a convex polygon. The last vertex joins the first.
 */

export interface Polygon {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Signed area (counter-clockwise positive), shoelace over every `stride`-th vertex. */
function shoelace({ x, y }: Polygon, stride: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i += stride) {
    const next = i + stride < x.length ? i + stride : 0;
    sum += x[i] * y[next] - x[next] * y[i];
  }
  return 0.5 * sum;
}

export function polygonArea(polygon: Polygon): number {
  return shoelace(polygon, 1);
}

/**
 * Signed area of the smooth curve that the vertices sample at equal steps of a parameter: shoelace, whose error is quadratic in the step,
 * extrapolated from all and from every other vertex. The number of vertices must be even.
 */
export function smoothCurveArea(polygon: Polygon): number {
  return (4 * shoelace(polygon, 1) - shoelace(polygon, 2)) / 3;
}

/** How often the polygon turns round the point, counter-clockwise positive; 0 outside. */
export function windingNumber({ x, y }: Polygon, px: number, py: number): number {
  let turns = 0;
  for (let i = 0, j = x.length - 1; i < x.length; j = i++) {
    const upward = y[j] <= py && y[i] > py;
    const downward = y[j] > py && y[i] <= py;
    if (!upward && !downward) continue;
    const side = (x[i] - x[j]) * (py - y[j]) - (px - x[j]) * (y[i] - y[j]);
    if (upward && side > 0) turns++;
    else if (downward && side < 0) turns--;
  }
  return turns;
}

/**
 * The part of `subject` inside the convex, counter-clockwise polygon `clip` (Sutherland & Hodgman 1974). A concave subject may come back with edges
 * that run along the clip polygon and back; they hold no area.
 */
export function clipByConvex(subject: Polygon, clip: Polygon): Polygon {
  let points = Array.from(subject.x, (value, i) => [value, subject.y[i]] as const);
  for (let i = 0; i < clip.x.length && points.length > 0; i++) {
    const j = (i + 1) % clip.x.length;
    const ex = clip.x[j] - clip.x[i];
    const ey = clip.y[j] - clip.y[i];
    const side = (p: readonly [number, number]): number => ex * (p[1] - clip.y[i]) - ey * (p[0] - clip.x[i]);
    if (points.every((p) => side(p) >= 0)) continue;
    const kept: (readonly [number, number])[] = [];
    points.forEach((p, k) => {
      const q = points[(k + 1) % points.length];
      const a = side(p);
      const b = side(q);
      if (a >= 0) kept.push(p);
      if (a >= 0 !== b >= 0) kept.push([p[0] + ((q[0] - p[0]) * a) / (a - b), p[1] + ((q[1] - p[1]) * a) / (a - b)]);
    });
    points = kept;
  }
  return { x: Float64Array.from(points, (p) => p[0]), y: Float64Array.from(points, (p) => p[1]) };
}
