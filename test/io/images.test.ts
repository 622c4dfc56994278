import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeNoisyPng, encodePng, type Raster } from '../../src/io/png.ts';
import { colourStamp, enlarge, sheet, stretchFor } from '../../src/io/stretch.ts';

/** The pixels of a PNG whose lines all have filter Up, or none: an independent undoing of what the encoder did. */
function decode(png: Uint8Array, filter: 0 | 2 = 2): Uint8Array {
  const bytes = Buffer.from(png);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const channels = bytes[25] === 2 ? 3 : 1;
  const at = bytes.indexOf('IDAT');
  const lines = inflateSync(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4)));
  const stride = width * channels;
  const pixels = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    expect(lines[y * (stride + 1)]).toBe(filter);
    for (let i = 0; i < stride; i++)
      pixels[y * stride + i] = lines[y * (stride + 1) + 1 + i] + (y > 0 && filter === 2 ? pixels[(y - 1) * stride + i] : 0);
  }
  return pixels;
}

describe('png', () => {
  it('keeps every pixel of a noisy picture, packed aside', async () => {
    const pixels = Uint8Array.from({ length: 700 * 900 * 3 }, (_, index) => (index * index * 31) >> 7);
    expect(decode(await encodeNoisyPng({ width: 900, height: 700, channels: 3, pixels }), 0)).toEqual(pixels);
    await expect(encodeNoisyPng({ width: 9, height: 7, channels: 3, pixels })).rejects.toThrow(RangeError);
  });

  it('keeps every pixel', () => {
    for (const channels of [1, 3] as const) {
      const pixels = Uint8Array.from({ length: 7 * 5 * channels }, (_, index) => (index * 37) % 256);
      expect(decode(encodePng({ width: 7, height: 5, channels, pixels }))).toEqual(pixels);
    }
  });

  it('refuses pixels that do not fill the raster', () => {
    expect(() => encodePng({ width: 2, height: 2, channels: 3, pixels: new Uint8Array(4) })).toThrow(/12 bytes, got 4/);
  });
});

describe('stretch', () => {
  it('draws y upwards, keeps colour ratios and never exceeds white', () => {
    const red = Float64Array.of(4, 0, 0, 0);
    const green = Float64Array.of(2, 0, 0, 1);
    const blue = Float64Array.of(1, 0, 0, 0);
    const { pixels } = colourStamp([red, green, blue], 2, { black: 0, white: 2, softness: 5 });
    // Pixel (0, 0) of the plane is at the lower left: the third pixel of the raster.
    expect([...pixels.subarray(6, 9)]).toEqual([255, 128, 64]);
    expect([...pixels.subarray(9, 12)]).toEqual([0, 0, 0]);
    expect(pixels[3 + 0]).toBe(0);
    expect(pixels[3 + 1]).toBeGreaterThan(50);
  });

  it('shows an empty stamp as black and takes white from the stamp otherwise', () => {
    const empty = new Float32Array(16);
    expect(colourStamp([empty], 4, stretchFor([empty])).pixels).toEqual(new Uint8Array(16));
    expect(stretchFor([Float32Array.from({ length: 1000 }, (_, index) => index)], { quantile: 0.5 }).white).toBe(500);
  });

  it('lays stamps out in reading order', () => {
    const one = (value: number): Raster => ({ width: 1, height: 1, channels: 1, pixels: Uint8Array.of(value) });
    const grid = sheet([one(1), one(2), one(3)], 2, 1, 9);
    expect({ ...grid, pixels: [...grid.pixels] }).toEqual({
      width: 5,
      height: 5,
      channels: 1,
      pixels: [9, 9, 9, 9, 9, 9, 1, 9, 2, 9, 9, 9, 9, 9, 9, 9, 3, 9, 9, 9, 9, 9, 9, 9, 9],
    });
    expect([...enlarge({ width: 2, height: 1, channels: 1, pixels: Uint8Array.of(1, 2) }, 2).pixels]).toEqual([
      1, 1, 2, 2, 1, 1, 2, 2,
    ]);
  });
});
