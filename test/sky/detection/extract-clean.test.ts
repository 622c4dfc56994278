import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { cleanObjects } from '../../../src/sky/detection/clean.ts';
import { extract } from '../../../src/sky/detection/extract.ts';
import { ObjectRows, type ObjectShape } from '../../../src/sky/detection/extract-buffers.ts';

const round = (x: number, y: number, size: number, cflux: number, mthresh: number): ObjectShape =>
  ({
    x,
    y,
    a: size,
    b: 0.8 * size,
    cxx: 1 / size ** 2,
    cyy: 1 / (0.8 * size) ** 2,
    cxy: 0,
    cflux,
    thresh: 1,
    abcor: 0.9,
    npix: Math.ceil(12 * size * size),
    mthresh,
  }) as ObjectShape;

/** Every pair in order, as the rule is told. */
function cleanEveryPair(shapes: ObjectShape[], exponent: number): number[] {
  const stays = shapes.map(() => 1);
  const covers = (p: ObjectShape, q: ObjectShape) => {
    const area = Math.PI * p.a * p.b;
    const amplitude = p.cflux / (2 * area * p.abcor);
    const slope = (((amplitude / p.thresh) ** (1 / exponent) - 1) * area) / p.npix;
    const base = 1 + slope * (p.cxx * (p.x - q.x) ** 2 + p.cyy * (p.y - q.y) ** 2 + p.cxy * (p.x - q.x) * (p.y - q.y));
    return base > 1 && amplitude * base ** -exponent > q.mthresh;
  };
  for (let i = 0; i < shapes.length; i++)
    for (let j = i + 1; j < shapes.length && stays[i]; j++) {
      const [p, q] = [shapes[i], shapes[j]];
      if (!stays[j] || Math.hypot(p.x - q.x, p.y - q.y) > 10 * (p.a + q.a)) continue;
      if (q.cflux < p.cflux) {
        if (covers(p, q)) stays[j] = 0;
      } else if (covers(q, p)) stays[i] = 0;
    }
  return stays;
}

describe('cleaning', () => {
  it('takes out what looking at every pair takes out, whatever the sizes', () => {
    const random = new PhiloxStream(philoxKey(3), [0, 0, 0]);
    for (const exponent of [0.6, 1, 2]) {
      const shapes = Array.from({ length: 600 }, () => {
        const size = 0.5 * 2 ** (7 * random.uniform() ** 4);
        return round(
          2000 * random.uniform(),
          2000 * random.uniform(),
          size,
          30 * size ** 2 * 10 ** (2 * random.uniform()),
          random.uniform() ** 3,
        );
      });
      const rows = new ObjectRows(1000);
      for (const shape of shapes) rows.push(shape);
      const stays = [...cleanObjects(rows, exponent)];
      expect(stays).toEqual(cleanEveryPair(shapes, exponent));
      expect(stays).toContain(0);
      expect(stays).toContain(1);
    }
  });

  it('removes the specks of noise around a bright star, not its neighbour', () => {
    const random = new PhiloxStream(philoxKey(8), [0, 0, 0]);
    const width = 200;
    const data = Float32Array.from({ length: width * width }, (_, i) => {
      const x = i % width;
      const y = Math.floor(i / width);
      const star = (cx: number, cy: number, flux: number) => flux * (1 + ((x - cx) ** 2 + (y - cy) ** 2) / 9) ** -2;
      return random.normal() + star(100, 100, 8000) + star(150, 140, 60);
    });
    const image = { data, width, height: width };
    const raw = extract(image, { thresh: 1.5, err: 1, clean: false });
    const cleaned = extract(image, { thresh: 1.5, err: 1 });
    expect(cleaned.counts.cleaned).toBe(raw.objects.count - cleaned.objects.count);
    expect(cleaned.counts.cleaned).toBeGreaterThan(0);
    const near = (x: number, y: number) =>
      [...cleaned.objects.x].some((cx, i) => Math.hypot(cx - x, cleaned.objects.y[i] - y) < 0.6);
    expect(near(100, 100)).toBe(true);
    expect(near(150, 140)).toBe(true);
  });
});
