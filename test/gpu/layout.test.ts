import { describe, expect, it } from 'vitest';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { packColumns, type StructLayout, struct } from '../../src/gpu/layout.ts';
import { POINT } from './toy-kernels.ts';

const LAYOUTS: readonly StructLayout[] = [
  POINT,
  struct('One', { only: 'u32' }),
  struct(
    'Many',
    Object.fromEntries(Array.from({ length: 23 }, (_, index) => [`field${index}`, index % 3 === 0 ? 'i32' : 'f32'] as const)),
  ),
];

describe('struct layouts', () => {
  it.each(LAYOUTS)('$name has the offsets and the stride that WGSL rules give', (layout) => {
    const text = `${layout.wgsl}\n@group(0) @binding(0) var<storage, read> items: array<${layout.name}>;`;
    const reflected = new WgslReflect(text);
    const found = reflected.structs.find(({ name }) => name === layout.name);
    expect(found?.members.map(({ name, offset }) => ({ name, offset }))).toEqual(
      layout.fields.map(({ name, offset }) => ({ name, offset })),
    );
    expect(found?.size).toBe(layout.byteSize);
  });

  it('packs a stretch of the columns at an offset and leaves the rest alone', () => {
    const out = new ArrayBuffer(3 * POINT.byteSize);
    const columns = { x: [1, 2, 3], id: [4, 5, 6], y: [7, 8, 9], shift: [-1, -2, -3], weight: [0.5, 0.25, 0.125] };
    packColumns(POINT, columns, out, 1, 2, POINT.byteSize);
    const floats = new Float32Array(out);
    const words = new Int32Array(out);
    expect([...words.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
    expect([floats[5], words[6], floats[7], words[8], floats[9]]).toEqual([2, 5, 8, -2, 0.25]);
    expect([floats[10], words[11], floats[12], words[13], floats[14]]).toEqual([3, 6, 9, -3, 0.125]);
  });

  it('refuses a missing and a short column', () => {
    const out = new ArrayBuffer(2 * POINT.byteSize);
    const columns = { x: [1], id: [4], y: [7], shift: [-1] };
    expect(() => packColumns(POINT, columns, out, 0, 1)).toThrow(/no column 'weight'/);
    expect(() => packColumns(POINT, { ...columns, weight: [1] }, out, 0, 2)).toThrow(/'x' has 1 items, needs 2/);
  });
});
