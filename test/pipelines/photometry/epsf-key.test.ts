import { describe, expect, it } from 'vitest';
import { type FitConfig, FitFileSchema } from '../../../src/pipelines/photometry/config.ts';
import { bandKey, EPSF_IGNORES, EPSF_READS, epsfConfig, sourcesHash } from '../../../src/pipelines/photometry/epsf/key.ts';
import type { Frame, LoadedField } from '../../../src/pipelines/photometry/field.ts';
import { FIT_KEYS } from '../../../src/pipelines/photometry/load-config.ts';
import { catalogueSource } from '../../support/psf-field.ts';

const configOf = (more: Record<string, unknown> = {}): FitConfig => ({
  ...FitFileSchema.parse({ inputs: { input_catalog: 'c', image_list_file: 'i' }, outputs: { work_dir: '/w' }, ...more }),
  images: [],
});

const declared = (path: string, list: readonly string[]) =>
  list.filter((entry) => path === entry || path.startsWith(`${entry}.`)).reduce((most, { length }) => Math.max(most, length), 0);

describe('what PSFs follow from', () => {
  it('is declared for every key of the config', () => {
    const undecided = FIT_KEYS.filter((path) => declared(path, EPSF_READS) === declared(path, EPSF_IGNORES));
    expect(undecided).toEqual([]);
    for (const entry of [...EPSF_READS, ...EPSF_IGNORES])
      expect([entry, FIT_KEYS.some((path) => path === entry || path.startsWith(`${entry}.`))]).toEqual([entry, true]);
  });

  it('holds what is read and nothing else', () => {
    const read = FIT_KEYS.filter((path) => declared(path, EPSF_READS) > declared(path, EPSF_IGNORES));
    const values = epsfConfig(configOf());
    expect(Object.keys(values).length).toBe(read.length);
    expect(values).toMatchObject({ 'moffat_psf.beta': 3.5, 'epsf.cutoutSize': 61, profile: 'arclet' });
    expect(values).not.toHaveProperty(['epsf.maxWorkers']);
  });

  it('changes with what is read, the image, the catalogue and the Gaia stars', async () => {
    const frame = { band: 'm400', path: '/nowhere', width: 9, height: 9, scale: 1, gainElectronsPerAdu: 2 } as Frame;
    const sources = [catalogueSource(0, 3, 4)];
    const facts = (more: Partial<Parameters<typeof bandKey>[0]> = {}, config = configOf()) => ({
      version: '1',
      config,
      frame,
      box: { x0: 0, y0: 0, width: 9, height: 9 },
      cells: [],
      seeds: undefined,
      sources: sourcesHash({ sources } as unknown as LoadedField, config),
      fluxes: ['7'],
      ...more,
    });
    const moved = sourcesHash({ sources: [catalogueSource(0, 3, 5)] } as unknown as LoadedField, configOf());
    const others = [
      facts({}, configOf({ epsf: { min_sep: 20 } })),
      facts({ frame: { ...frame, gainElectronsPerAdu: 3 } }),
      facts({ box: { x0: 1, y0: 0, width: 9, height: 9 } }),
      facts({ sources: moved }),
      facts({ fluxes: ['8'] }),
      facts({ seeds: { x: Float64Array.of(1), y: Float64Array.of(2) } }),
      facts({ version: '2' }),
    ];
    const keys = await Promise.all([facts(), ...others].map(bandKey));
    expect(new Set(keys).size).toBe(keys.length);
    const same = configOf({ zp: { clip_sigma: 4 }, patch_run: { n_opt_iters: 3 }, epsf: { max_workers: 2 } });
    expect(await bandKey(facts({}, same))).toBe(keys[0]);
    // The original does not ask the catalogue.
    const original = configOf({ profile: 'tract7dt' });
    expect(await bandKey(facts({}, original))).toBe(await bandKey(facts({ fluxes: ['8'] }, original)));
  });
});
