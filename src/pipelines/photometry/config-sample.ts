/** A config with every key, its default and what it means: what dump-config writes. */
import { jsonSchemaOf } from '../schema.ts';
import { FitFileSchema } from './config.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
}

/** What stands for places that every config must give. */
const PLACES: Readonly<Record<string, string>> = {
  'inputs.input_catalog': 'path/to/catalogue.csv',
  'inputs.image_list_file': 'path/to/images.txt',
  'outputs.work_dir': 'path/to/work_dir',
};

const HEAD = `# Config of arclet fit: every key with its default. Only ${Object.keys(PLACES).join(', ')} must be given.
# Relative places of inputs and outputs.work_dir start at the folder of this file, those of the other outputs at outputs.work_dir; ~ is the home folder.
`;
const COLUMN = 52;

/** The text of a config file. Its values are JSON, which is YAML of every version but for 1e-9: to YAML 1.1, which PyYAML reads, a number has a point. */
export function sampleConfig(): string {
  const { properties = {} } = jsonSchemaOf(FitFileSchema) as Node;
  const blocks = Object.entries(properties).map(([key, node]) => `\n${lines(key, key, node, '').join('\n')}\n`);
  return `${HEAD}${blocks.join('')}`;
}

function lines(key: string, path: string, node: Node, indent: string): string[] {
  const words = [node.description, node.enum?.map((choice) => JSON.stringify(choice)).join(' | ')].filter(Boolean).join('; ');
  if (node.properties !== undefined && path !== 'inputs.header_defaults') {
    const inner = Object.entries(node.properties).flatMap(([name, of]) => lines(name, `${path}.${name}`, of, `${indent}  `));
    return [`${`${indent}${key}:`.padEnd(COLUMN)} # ${words}`, ...inner];
  }
  const given = PLACES[path] ?? node.default ?? null;
  const text = JSON.stringify(given);
  const value = typeof given === 'number' ? text.replace(/^(-?\d+)e/, '$1.0e') : text.replaceAll(',', ', ');
  return [`${`${indent}${key}: ${value}`.padEnd(COLUMN)} # ${words}`];
}
