import { describe, expect, it } from 'vitest';
import { clipByConvex, type Polygon, polygonArea, smoothCurveArea, windingNumber } from '../../src/core/polygon.ts';

function polygon(...points: [number, number][]): Polygon {
  return { x: Float64Array.from(points, (p) => p[0]), y: Float64Array.from(points, (p) => p[1]) };
}

function ellipse(samples: number): Polygon {
  const angles = Array.from({ length: samples }, (_, k) => (2 * Math.PI * k) / samples);
  return { x: Float64Array.from(angles, (t) => 2 * Math.cos(t)), y: Float64Array.from(angles, (t) => Math.sin(t)) };
}

const square = polygon([0, 0], [1, 0], [1, 1], [0, 1]);

describe('polygons', () => {
  it('area has the sign of the turn; the extrapolated area of an ellipse is good to 1e-6 with 100 vertices', () => {
    expect(polygonArea(square)).toBe(1);
    expect(polygonArea(polygon([0, 0], [0, 1], [1, 1], [1, 0]))).toBe(-1);
    expect(Math.abs(polygonArea(ellipse(100)) - 2 * Math.PI)).toBeGreaterThan(1e-3);
    expect(Math.abs(smoothCurveArea(ellipse(100)) - 2 * Math.PI)).toBeLessThan(2e-5);
    expect(Math.abs(smoothCurveArea(ellipse(720)) - 2 * Math.PI)).toBeLessThan(1e-8);
  });

  it('winding numbers tell inside, outside and double turns', () => {
    expect(windingNumber(square, 0.5, 0.5)).toBe(1);
    expect(windingNumber(square, 1.5, 0.5)).toBe(0);
    const twice = polygon([0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [1, 0], [1, 1], [0, 1]);
    expect(windingNumber(twice, 0.3, 0.6)).toBe(2);
  });

  it('clipping keeps the shared part, of concave subjects too', () => {
    const shifted = polygon([0.5, 0.25], [2, 0.25], [2, 2], [0.5, 2]);
    expect(polygonArea(clipByConvex(shifted, square))).toBeCloseTo(0.375, 14);
    const star = polygon([0.5, -1], [0.6, 0.4], [2, 0.5], [0.6, 0.6], [0.5, 2], [0.4, 0.6], [-1, 0.5], [0.4, 0.4]);
    // Each arm of the star leaves the unit square over a strip that is straight: the part beyond y > 1 is a triangle.
    const half = 0.1 * (1 / 1.4);
    const arm = 0.5 * (2 * half) * 1;
    expect(polygonArea(clipByConvex(star, square))).toBeCloseTo(polygonArea(star) - 4 * arm, 12);
    expect(clipByConvex(polygon([3, 3], [4, 3], [4, 4]), square).x.length).toBe(0);
  });
});
