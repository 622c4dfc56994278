/** Config of `inject bank build` and `inject bank report`. */
import { z } from 'zod';
import { ArcletError } from '../../../core/errors.ts';
import { HALF_LIGHT_CONVENTIONS } from '../../../sky/conventions.ts';
import { edgeObject } from '../../schema.ts';
import { flag, RULE_KEYS } from './rules.ts';

const number = z.coerce.number();
const whole = number.pipe(z.number().int().gte(0));
const location = z.string().min(1);
/** Text of a comma-separated list becomes a list. */
const locations = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((word) => word.trim()).filter((word) => word !== '') : value), // biome-ignore format: one chain
  z.array(location).min(1),
);

/** The keys. */
export const BANK_KEYS = {
  bank: location.optional().describe('the bank, HDF5, path or s3://; its table of inputs is put beside it'),
  inputs: locations
    .optional()
    .describe(
      'what to build from: FITS stamps (files, cubes, folders), RealGalaxy catalogues (GAL_FILENAME, GAL_HDU), tables of Sersic fits',
    ),
  images_folder: location.optional().describe('folder of the images that catalogues name, default that of the catalogue'),
  input_pixscale_arcsec: number.pipe(z.number().gt(0)).optional().describe('pixel of stamps whose header does not say, arcsec'),
  radius_convention: z
    .enum(HALF_LIGHT_CONVENTIONS)
    .default('circularised')
    .describe('what half-light radii mean in tables that do not say'),
  n_sources: whole.default(0).describe('templates to make, chosen at random; 0 for all that can be had'),
  seed: whole.default(42).describe('seed of that choice and of the noise test'),
  ...RULE_KEYS,
  report: location.optional().describe('HTML page, default <bank>.report.html'),
  sheet_templates: whole.default(96).describe('templates on the contact sheet of the report'),
  noise_test_stamps: whole
    .default(100)
    .describe('stamps of pure noise of each kind that the report feeds through these rules; none may pass'),
  force: flag.default(false).describe('build again what is built'),
};

/** Keys that are places: relative ones start at the folder of the config file. */
export const BANK_LOCATION_KEYS: readonly (keyof typeof BANK_KEYS)[] = ['bank', 'inputs', 'images_folder', 'report'];

export const BankConfigSchema = edgeObject(BANK_KEYS);
/** Checked and complete; keys in camelCase. */
export type BankConfig = z.output<typeof BankConfigSchema>;

/** A key that a stage cannot do without. Throws CONFIG_INVALID where it is not given. */
export function required<K extends 'bank' | 'inputs'>(config: BankConfig, key: K, stage: string): NonNullable<BankConfig[K]> {
  const value = config[key];
  if (value !== undefined) return value;
  throw new ArcletError('CONFIG_INVALID', `Stage ${stage} needs ${key}, which the config does not give.`, {
    subject: key,
    remedy: `Add it to the config, or give --${key}.`,
  });
}
