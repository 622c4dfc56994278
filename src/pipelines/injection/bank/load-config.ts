/** Loads the config of a bank from file, flags and `--set`. */
import type { ConfigInput, ConfigSpec } from '../../layered-config.ts';
import { loadPlainConfig } from '../../plain-config.ts';
import type { LoadedConfig } from '../../runner.ts';
import { BANK_KEYS, BANK_LOCATION_KEYS, type BankConfig, BankConfigSchema } from './config.ts';

export const BANK_SPEC: ConfigSpec = {
  help: 'arclet inject bank build --help',
  keys: BANK_KEYS,
  // What a campaign calls its bank.
  aliases: { cosmos_bank_h5: 'bank', template_bank: 'bank' },
  locationKeys: BANK_LOCATION_KEYS,
};

/** Keys that do not change a template. */
const NEUTRAL: readonly string[] = [...BANK_LOCATION_KEYS, 'sheet_templates', 'noise_test_stamps', 'force'];

/**
 * The config, complete and checked; relative places of a file start at its folder, those of flags at the current one.
 *
 * @throws INPUT_UNREADABLE, CONFIG_INVALID, CONFIG_UNKNOWN_KEY, USAGE
 */
export function loadBankConfig(input: ConfigInput): Promise<LoadedConfig<BankConfig>> {
  return loadPlainConfig(BANK_SPEC, BankConfigSchema, NEUTRAL, input);
}
