/** Loads the config of `inject bank build` and `inject bank report` from file, flags and `--set`. */
import type { ConfigInput, ConfigSpec } from '../layered-config.ts';
import { loadPlainConfig } from '../plain-config.ts';
import type { LoadedConfig } from '../runner.ts';
import { BANK_KEYS, BANK_LOCATION_KEYS, type BankConfig, BankConfigSchema } from './bank/config.ts';

export const BANK_SPEC: ConfigSpec = {
  help: 'arclet inject bank build --help',
  keys: BANK_KEYS,
  // What campaigns and the originals call a bank.
  aliases: { template_bank: 'bank', cosmos_bank_h5: 'bank' },
  locationKeys: BANK_LOCATION_KEYS,
};

/** Keys that do not change a template. */
const NEUTRAL: readonly string[] = [...BANK_LOCATION_KEYS, 'sheet_templates', 'noise_test_stamps', 'force'];

/** @throws INPUT_UNREADABLE, CONFIG_INVALID, CONFIG_UNKNOWN_KEY, USAGE */
export function loadBankConfig(input: ConfigInput): Promise<LoadedConfig<BankConfig>> {
  return loadPlainConfig(BANK_SPEC, BankConfigSchema, NEUTRAL, input);
}
