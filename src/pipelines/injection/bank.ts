/** `inject bank build` makes a bank of galaxy templates, `inject bank report` shows what is in one. */
import { defineStage, type Stage } from '../stage.ts';
import { buildBank } from './bank/build.ts';
import { BANK_KEYS, type BankConfig } from './bank/config.ts';
import { reportBank } from './bank/report.ts';

export { BANK_KEYS, BANK_LOCATION_KEYS, type BankConfig, BankConfigSchema } from './bank/config.ts';
export { BANK_SPEC, loadBankConfig } from './bank/load-config.ts';

const REPORT_ONLY = ['report', 'sheet_templates', 'noise_test_stamps'];
const BUILD_ONLY = ['inputs', 'images_folder', 'input_pixscale_arcsec', 'radius_convention', 'n_sources', 'force'];

/** Makes a bank of galaxy templates from stamps, catalogues of real galaxies or parametric fits. */
export const bankBuildStage: Stage<BankConfig> = defineStage({
  name: 'bank-build',
  aliases: [],
  summary: 'Make a bank of galaxy templates without their noise from FITS stamps, RealGalaxy catalogues or Sersic fits.',
  keys: Object.keys(BANK_KEYS).filter((key) => !REPORT_ONLY.includes(key)),
  run: buildBank,
});

/** Shows what is in a bank and whether its templates are galaxies or noise. */
export const bankReportStage: Stage<BankConfig> = defineStage({
  name: 'bank-report',
  aliases: [],
  summary: 'Show the sizes, signal to noise and clumpiness of a bank, and say when its templates look like noise.',
  keys: Object.keys(BANK_KEYS).filter((key) => !BUILD_ONLY.includes(key)),
  run: reportBank,
});
