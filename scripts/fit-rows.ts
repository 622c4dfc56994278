/** The key table of docs/photometry.md, from the schema that checks configs of arclet fit. */
import { FitFileSchema } from '../src/pipelines/photometry/config.ts';
import { jsonSchemaOf } from '../src/pipelines/schema.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
}

const BEGIN = '<!-- keys of arclet fit: npm run schema -->';
const END = '<!-- end of keys -->';

function rows(node: Node, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, of]) => {
    const path = `${prefix}${key}`;
    if (of.properties !== undefined && path !== 'inputs.header_defaults') return rows(of, `${path}.`);
    const choices = of.enum?.map((choice) => `\`${choice}\``).join(', ');
    const words = [of.description, choices]
      .filter(Boolean)
      .join('; ')
      .replaceAll('|', '\\|')
      .replace(/<([^>]*)>/g, '`<$1>`');
    return [`| \`${path}\` | ${of.default === undefined ? '' : `\`${JSON.stringify(of.default)}\``} | ${words} |`];
  });
}

/** Every key with its default and what it means. */
export function fitRows(): string[] {
  return rows(jsonSchemaOf(FitFileSchema) as Node, '');
}

/** The page with the table as the schema has it. */
export function withFitRows(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest.slice(rest.indexOf(END));
  return `${before}${BEGIN}\n\n| key | default | |\n| --- | --- | --- |\n${fitRows().join('\n')}\n\n${after}`;
}
