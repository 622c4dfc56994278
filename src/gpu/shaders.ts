/**
 * Shader texts: `//#import "lib/math.wgsl"` and `//#struct Name` are resolved here, and a compile error is rewritten to the
 * file and line that a person edits.
 */
import { ArcletError } from '../core/errors.ts';
import type { StructLayout } from './layout.ts';

/** WGSL text by path below shaders/. */
export type ShaderSources = Readonly<Record<string, string>>;

/** Where a line of the resolved text comes from. */
export interface ShaderLine {
  readonly file: string;
  /** 1-based; for a struct the line of its `//#struct`. */
  readonly line: number;
}

export interface ResolvedShader {
  readonly path: string;
  readonly code: string;
  /** One entry per line of `code`. */
  readonly lines: readonly ShaderLine[];
}

const IMPORT = /^\s*\/\/#import\s+"([^"]+)"\s*$/;
const STRUCT = /^\s*\/\/#struct\s+(\w+)\s*$/;
const DIRECTIVE = /^\s*\/\/#/;

/**
 * Resolves imports (each file once, in order of first mention) and struct texts.
 * Throws SHADER_IMPORT for an unknown file, a cycle (naming the chain), a struct without a layout or a misspelt directive.
 */
export function resolveShader(sources: ShaderSources, path: string, structs: readonly StructLayout[] = []): ResolvedShader {
  const layouts = new Map(structs.map((layout) => [layout.name, layout]));
  const included = new Set<string>();
  const emitted = new Set<string>();
  const text: string[] = [];
  const lines: ShaderLine[] = [];

  const include = (file: string, chain: readonly string[]): void => {
    if (chain.includes(file)) {
      throw new ArcletError('SHADER_IMPORT', `shader imports form a cycle: ${[...chain, file].join(' -> ')}`, { subject: file });
    }
    if (included.has(file)) return;
    const source = sources[file];
    if (source === undefined) {
      const from = chain.length > 0 ? ` imported by ${chain.join(' -> ')}` : '';
      throw new ArcletError('SHADER_IMPORT', `there is no shader '${file}'${from}`, {
        subject: file,
        remedy: 'Paths are below shaders/; run scripts/embed-shaders.ts after adding a file.',
      });
    }
    source.split(/\r?\n/).forEach((content, index) => {
      const here = { file, line: index + 1 };
      const imported = IMPORT.exec(content)?.[1];
      const structName = STRUCT.exec(content)?.[1];
      if (imported !== undefined) {
        include(imported, [...chain, file]);
      } else if (structName !== undefined) {
        if (emitted.has(structName)) return;
        const layout = layouts.get(structName);
        if (layout === undefined) {
          const known = [...layouts.keys()].join(', ') || 'none';
          throw new ArcletError(
            'SHADER_IMPORT',
            `${file}:${index + 1} wants struct ${structName}, the layouts given are: ${known}`,
            {
              subject: file,
              remedy: 'List the layout in `structs` of the pass.',
            },
          );
        }
        emitted.add(structName);
        for (const line of layout.wgsl.split('\n')) {
          text.push(line);
          lines.push(here);
        }
      } else if (DIRECTIVE.test(content)) {
        throw new ArcletError(
          'SHADER_IMPORT',
          `${file}:${index + 1} is neither //#import "path" nor //#struct Name: ${content.trim()}`,
          {
            subject: file,
          },
        );
      } else {
        text.push(content);
        lines.push(here);
      }
    });
    included.add(file);
  };

  include(path, []);
  return { path, code: text.join('\n'), lines };
}

/** `lib/math.wgsl:12:5: unresolved call target 'foo'` with the source line below it. */
export function describeMessage(shader: ResolvedShader, message: { message: string; lineNum: number; linePos: number }): string {
  const where = shader.lines[message.lineNum - 1];
  if (where === undefined) return `${shader.path}: ${message.message}`;
  const source = shader.code.split('\n')[message.lineNum - 1];
  return `${where.file}:${where.line}:${message.linePos}: ${message.message}\n  ${source}\n  ${' '.repeat(Math.max(0, message.linePos - 1))}^`;
}

/** Compiles a resolved shader. Rejects with SHADER_COMPILE that shows every error at its file and line. */
export async function compileShader(device: GPUDevice, shader: ResolvedShader): Promise<GPUShaderModule> {
  // The scope keeps Dawn from reporting the same error a second time as uncaptured.
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label: shader.path, code: shader.code });
  const refused = device.popErrorScope();
  const [info, error] = await Promise.all([module.getCompilationInfo(), refused]);
  const errors = info.messages.filter((message) => message.type === 'error');
  if (errors.length === 0 && error === null) return module;
  const shown = errors.map((message) => describeMessage(shader, message));
  throw new ArcletError(
    'SHADER_COMPILE',
    shown.length > 0 ? shown.join('\n') : `${shader.path}: ${error?.message ?? 'refused'}`,
    {
      subject: shader.path,
    },
  );
}
