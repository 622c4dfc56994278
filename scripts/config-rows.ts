/** Rows of the key tables in docs/inject.md, from the schema that checks configs. */
import { INJECT_ALIASES, InjectConfigSchema } from '../src/pipelines/injection/config.ts';
import { jsonSchemaOf } from '../src/pipelines/schema.ts';

interface Property {
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly items?: { readonly enum?: readonly unknown[] };
}

const PROPERTIES = jsonSchemaOf(InjectConfigSchema).properties as Readonly<Record<string, Property>>;

/** `| key | default | what it is |` of one key. */
export function configRow(key: string): string {
  const { default: fallback, description = '', enum: choices, items } = PROPERTIES[key];
  const words = (choices ?? items?.enum)?.map((choice) => `\`${choice}\``).join(', ');
  const aliases = Object.entries(INJECT_ALIASES).flatMap(([alias, of]) => (of === key ? [`\`${alias}\``] : []));
  const told = [description, words, aliases.length > 0 && `also ${aliases.join(', ')}`].filter(Boolean).join('; ');
  return `| \`${key}\` | ${fallback === undefined ? '' : `\`${JSON.stringify(fallback)}\``} | ${told.replaceAll('|', '\\|').replace(/<([^>]*)>/g, '`<$1>`')} |`;
}

/** The page with its rows as the schema has them; which keys stand where is the page's own. */
export function withConfigRows(page: string): string {
  return page.replace(/^\| `([a-z0-9_]+)` \|.*$/gm, (row, key: string) => (key in PROPERTIES ? configRow(key) : row));
}
