import { describe, expect, it } from 'vitest';
import { stampGrid } from '../../src/io/stamp-grid.ts';
import { colourStamp, type Plane, stretchFor } from '../../src/io/stretch.ts';
import { svgToImage } from '../../src/io/svg-png.ts';

const plane = (size: number, at: (x: number, y: number) => number): Plane =>
  Float64Array.from({ length: size * size }, (_, index) => at(index % size, Math.floor(index / size)));

describe('colour stamps', () => {
  it("are astropy's make_lupton_rgb", () => {
    const thousandth = (value: number) => Number(value.toFixed(3));
    const planes: [Plane, Plane, Plane] = [
      plane(4, (x, y) => thousandth(0.2 + 0.31 * x * y + 0.05 * x)),
      plane(4, (x, y) => thousandth(0.3 + 0.2 * x * y)),
      plane(4, (x, y) => thousandth(0.1 + 0.07 * (x + y) ** 2)),
    ];
    // astropy 8.0.2, of the same planes: make_lupton_rgb(r, g, b, minimum=0.25, Q=q, stretch=q * 2.75 / 5) with
    // q = 10 sinh(asinh(5) / 10), which turns its normalisation (a tenth of white is linear) into ours; rows turned upside down.
    const astropy = [
      0, 9, 94, 147, 102, 153, 236, 154, 198, 255, 163, 209, 0, 10, 26, 110, 80, 85, 190, 125, 143, 241, 153, 197, 0, 0, 0, 60, 48, 25,
      119, 79, 85, 161, 101, 151, 0, 0, 0, 0, 0, 0, 9, 9, 25, 19, 9, 94,
    ]; // biome-ignore format: three numbers a pixel
    const { pixels } = colourStamp(planes, 4, { black: 0.25, white: 3, softness: 5 });
    // It cuts off fractions of a level, we round.
    const off = Array.from(pixels, (value, index) => value - astropy[index]);
    expect([Math.min(...off), Math.max(...off)]).toEqual([0, 1]);
  });

  it('draw pixels that are not finite as black and find their stretch without them', () => {
    const red = Float64Array.of(1, Number.NaN, 1, 1);
    const { pixels } = colourStamp([red, Float64Array.of(1, 1, Number.POSITIVE_INFINITY, 1), Float64Array.of(1, 1, 1, 1)], 2, { black: 0, white: 1, softness: 5 }); // biome-ignore format: one stamp
    expect([...pixels]).toEqual([0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]);
    expect(stretchFor([Float64Array.of(Number.NaN, 2, 1, Number.NaN)]).white).toBe(2);
  });

  it('put black at the sky where asked', () => {
    // Median 10, median absolute deviation 1.
    const sky = Float64Array.of(8, 9, 10, 11, 100);
    expect(stretchFor([sky], { blackSigma: -1 }).black).toBeCloseTo(10 - 1.4826, 12);
    expect(stretchFor([sky]).black).toBe(0);
  });
});

describe('grids of stamps', () => {
  const bright = plane(8, () => 1);
  const stretch = { black: 0, white: 1, softness: 5 };

  it('have a place for every stamp, title and caption', async () => {
    const options = { size: 8, columns: 2, enlarge: 4, background: 0 };
    const bare = await stampGrid([{ planes: [bright], stretch }, { planes: [bright, bright, bright], stretch }, { planes: [bright], stretch }], options); // biome-ignore format: one grid
    expect([bare.width, bare.height, bare.channels]).toEqual([8 + 2 * 40, 8 + 2 * 40, 3]);
    expect(bare.pixels.reduce((sum, value) => sum + value, 0)).toBe(255 * 3 * 3 * 32 * 32);
    const named = await stampGrid([{ planes: [bright], caption: ['one', 'two'], stretch }], { ...options, title: 'T <&>' });
    expect([named.width, named.height]).toEqual([8 + 40, 34 + 8 + 32 + 34 + 8]);
    const inked = (from: number, to: number) =>
      named.pixels.subarray(from * named.width * 3, to * named.width * 3).some((value) => value > 100);
    // Title, stamp, first line, second line.
    expect([inked(8, 30), inked(42, 74), inked(76, 90), inked(92, 106), inked(30, 40)]).toEqual([true, true, true, true, false]);
  });

  it('cut captions that do not fit, inside their own stamp', async () => {
    const grid = await stampGrid([{ planes: [bright], caption: 'W'.repeat(400), stretch }, { planes: [bright], stretch }], { size: 8, columns: 2, enlarge: 4, background: 0 }); // biome-ignore format: one grid
    const [left, right] = [0, 0].map((_, half) => {
      let sum = 0;
      for (let y = 42; y < grid.height; y++)
        for (let x = half * 44; x < (half + 1) * 44; x++) sum += grid.pixels[3 * (y * grid.width + x)];
      return sum;
    });
    expect(left).toBeGreaterThan(1000);
    expect(right).toBe(0);
  });

  it('refuse planes of another size', async () => {
    await expect(stampGrid([{ planes: [bright] }], { size: 9 })).rejects.toThrow(/64 pixels/);
    await expect(stampGrid([], { size: 9 })).rejects.toThrow(/at least one/);
  });
});

describe('pixels of an SVG', () => {
  it('have straight colours and the shipped font for any family', async () => {
    const svg = (family: string) => `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" font-family="${family}"><rect width="10" height="20" fill="#ff8000" fill-opacity="0.5"/><text x="12" y="15" font-size="14">aθ</text></svg>`; // biome-ignore format: one text
    const { pixels, width } = await svgToImage(svg('Inter'), { scale: 1 });
    expect(width).toBe(40);
    expect([...pixels.subarray(0, 4)]).toEqual([255, 128, 0, 128].map((value) => expect.closeTo(value, -0.5)));
    expect(pixels.some((value, index) => index % 4 === 3 && value === 255)).toBe(true);
    expect((await svgToImage(svg('Unheard Of, sans-serif'), { scale: 1 })).pixels).toEqual(pixels);
  });

  it('are not more than memory holds', async () => {
    const huge = '<svg xmlns="http://www.w3.org/2000/svg" width="60000" height="60000"/>';
    await expect(svgToImage(huge)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
