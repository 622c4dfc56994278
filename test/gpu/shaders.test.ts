import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import { struct } from '../../src/gpu/layout.ts';
import { compileShader, resolveShader } from '../../src/gpu/shaders.ts';
import { openNullGpu } from '../support/gpu.ts';

const failure = (act: () => unknown): { code?: string; message?: string } => {
  try {
    act();
  } catch (error) {
    if (isArcletError(error)) return error;
    throw error;
  }
  return {};
};

describe('shader imports', () => {
  it('includes a file once, before its first use, however often it is imported', () => {
    const sources = {
      'main.wgsl': '//#import "lib/a.wgsl"\n//#import "lib/b.wgsl"\nfn main() {}',
      'lib/a.wgsl': '//#import "lib/b.wgsl"\nfn a() {}',
      'lib/b.wgsl': 'fn b() {}',
    };
    const shader = resolveShader(sources, 'main.wgsl');
    expect(shader.code.split('\n')).toEqual(['fn b() {}', 'fn a() {}', 'fn main() {}']);
    expect(shader.lines.map(({ file, line }) => `${file}:${line}`)).toEqual(['lib/b.wgsl:1', 'lib/a.wgsl:2', 'main.wgsl:3']);
  });

  it('names the chain of a cycle', () => {
    const sources = { a: '//#import "b"', b: '//#import "c"', c: '//#import "a"' };
    const error = failure(() => resolveShader(sources, 'a'));
    expect(error.code).toBe('SHADER_IMPORT');
    expect(error.message).toContain('a -> b -> c -> a');
  });

  it('refuses an unknown file, a struct without a layout and a misspelt directive, with the place', () => {
    expect(failure(() => resolveShader({ a: '//#import "b"' }, 'a')).message).toContain("'b' imported by a");
    expect(failure(() => resolveShader({ a: '\n//#struct Lens' }, 'a')).message).toContain('a:2 wants struct Lens');
    expect(failure(() => resolveShader({ a: '//#include "b"' }, 'a')).code).toBe('SHADER_IMPORT');
  });

  it('puts a struct in place of its directive, once', () => {
    const layout = struct('Lens', { thetaE: 'f32' });
    const sources = { main: '//#struct Lens\n//#import "lib"\nfn main() {}', lib: '//#struct Lens\nfn f(lens: Lens) {}' };
    expect(resolveShader(sources, 'main', [layout]).code).toBe(`${layout.wgsl}\nfn f(lens: Lens) {}\nfn main() {}`);
  });

  it('shows every compile error at the file and line that was written, below structs and imports', async () => {
    const layout = struct('Lens', { thetaE: 'f32', q: 'f32', phi: 'f32' });
    const sources = {
      'main.wgsl': '//#struct Lens\n//#import "lib/deep.wgsl"\nfn main() {\n  let x: u32 = 1.5;\n}',
      'lib/deep.wgsl': '// a comment\n\nfn deep(lens: Lens) -> f32 {\n  return lens.thetaX;\n}',
    };
    const { device } = await openNullGpu();
    const fix = (path: string, from: string, to: string): Record<string, string> => ({
      ...sources,
      [path]: sources[path as keyof typeof sources].replace(from, to),
    });
    const message = async (texts: Record<string, string>): Promise<string> =>
      compileShader(device, resolveShader(texts, 'main.wgsl', [layout])).then(
        () => 'compiled',
        (error) => `${error.code} ${error.message}`,
      );
    // Tint stops at the first type error, so each is seen after the other is mended.
    const deep = await message(fix('main.wgsl', '1.5', '1'));
    expect(deep).toMatch(/^SHADER_COMPILE lib\/deep\.wgsl:4:10: /);
    expect(deep).toContain('\n    return lens.thetaX;\n           ^');
    expect(await message(fix('lib/deep.wgsl', 'thetaX', 'thetaE'))).toMatch(/^SHADER_COMPILE main\.wgsl:4:16: /);
    const both = { ...fix('main.wgsl', '1.5', '1'), 'lib/deep.wgsl': sources['lib/deep.wgsl'].replace('thetaX', 'thetaE') };
    expect(await message(both)).toBe('compiled');
  });
});
