/** The parts themselves: can they be read, have they every column, were they made by one config. */
import { isArcletError } from '../../../core/errors.ts';
import type { TableSchema } from '../../../io/table.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import { metricsColumns } from '../columns.ts';
import { BRICKS_KEY, HASH_KEY } from '../inject/parts.ts';
import { type Check, count, decide, increment, listCounts, none, type Rule, skip } from './checks.ts';

export interface PartFacts {
  readonly readable: readonly DatasetPart[];
  readonly rows: number;
  /** Parts that cannot be read, each with its reason. */
  readonly broken: string[];
  readonly checks: readonly Check[];
  /** Columns of the first part that can be read. */
  readonly schema: TableSchema | undefined;
}

const READABLE: Rule = {
  name: 'parts-readable',
  threshold: '0 parts that cannot be read',
  why: 'A part is written whole or not at all, so one that cannot be read was damaged later and its rows are lost.',
};
const SCHEMA: Rule = {
  name: 'schema',
  threshold: '0 columns missing or of another type, in any part',
  why: 'Error rows of the originals had 41 of 53 fields: a part with other columns was made by another path of the code.',
};
const HASH: Rule = {
  name: 'config-hash',
  threshold: 'one hash in all parts, that of this config',
  why: 'Parts of two configs under one name are two campaigns: their rows do not belong together.',
};

const PIXELS: Rule = {
  name: 'survey-pixels',
  threshold: '0 bricks whose files changed between parts',
  why: 'Rows of one brick cut from two sets of files are of two surveys: depth, PSF and sky jump within one campaign.',
};

/** The bricks that parts were cut from: identity by name, and those that have several. */
class BrickRecord {
  readonly #known = new Map<string, string>();
  readonly #changed = new Set<string>();

  add(recorded: string | undefined): void {
    if (recorded === undefined) return;
    for (const [brick, identity] of Object.entries(JSON.parse(recorded) as Record<string, string>)) {
      const known = this.#known.get(brick);
      if (known === undefined) this.#known.set(brick, identity);
      else if (known !== identity) this.#changed.add(brick);
    }
  }

  check(): Check {
    if (this.#known.size === 0) return skip(PIXELS, 'No part says which bricks it was cut from.');
    const changed = [...this.#changed];
    const detail = changed.length === 0 ? `${count(this.#known.size)} bricks.` : `Such as ${changed.slice(0, 5).join(', ')}.`;
    return none(PIXELS, changed.length, detail);
  }
}

/** Reads the footer of every part. */
export async function examineParts(dataset: Dataset, bands: readonly string[], configHash: string): Promise<PartFacts> {
  const wanted = metricsColumns(bands);
  const readable: DatasetPart[] = [];
  const broken: string[] = [];
  const faults = new Map<string, number>();
  const hashes = new Map<string, number>();
  const bricks = new BrickRecord();
  let rows = 0;
  let schema: TableSchema | undefined;
  for (const part of dataset.parts) {
    try {
      await dataset.withPart(part, async (table) => {
        schema ??= table.schema;
        const types = new Map(table.schema.columns.map(({ name, type }) => [name, type]));
        for (const { name, type } of wanted) {
          const found = types.get(name) ?? (part.partitions[name] === undefined ? undefined : 'string');
          if (found === undefined) increment(faults, `${name} is missing in parts:`);
          else if (found !== type) increment(faults, `${name} is ${found}, not ${type}, in parts:`);
        }
        increment(hashes, table.schema.metadata?.[HASH_KEY] ?? '');
        bricks.add(table.schema.metadata?.[BRICKS_KEY]);
        rows += table.rows;
      });
      readable.push(part);
    } catch (error) {
      if (!isArcletError(error)) throw error;
      broken.push(`${part.key}: ${error.message}`);
    }
  }
  const checks = [
    none(
      SCHEMA,
      faults.size,
      faults.size === 0 ? `${wanted.length} columns in ${count(readable.length)} parts.` : listCounts(faults),
    ),
    hashCheck(hashes, configHash),
    bricks.check(),
  ];
  return { readable, rows, broken, checks, schema };
}

/** Says it once all parts have been read through. */
export function readableCheck(broken: readonly string[]): Check {
  return none(READABLE, broken.length, broken.slice(0, 5).join(' '));
}

function hashCheck(hashes: Map<string, number>, configHash: string): Check {
  if (hashes.size === 0 || (hashes.size === 1 && hashes.has(''))) return skip(HASH, 'No part says which config made it.');
  const list = listCounts(new Map([...hashes].map(([hash, parts]) => [hash === '' ? 'no hash' : hash.slice(0, 12), parts])));
  if (hashes.size > 1) return decide(HASH, 'no-go', `${hashes.size} hashes`, `Parts by hash: ${list}.`);
  if (hashes.has(configHash)) return decide(HASH, 'go', '1 hash', `Parts by hash: ${list}.`);
  return decide(
    HASH,
    'warn',
    'another hash',
    `Parts by hash: ${list}; this config has ${configHash.slice(0, 12)}, so shares and modes are compared with a config that did not make them.`,
  );
}
