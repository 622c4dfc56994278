/** Contract of render-lensed. */
import type { ArraySpec, KernelSpec, SampleCase } from '../../src/engine/kernel.ts';
import { LENS_LAYOUT, lensColumns, sampleLenses } from '../lens-struct.ts';
import { NO_SOURCE, SOURCE_LAYOUT, sourceColumns, type TemplateBank } from '../source-struct.ts';
import { AUTO_RULE, fixedRule, type RenderLensedOptions, roundUpToTile } from './options.ts';
import { sampleBank, sampleSources } from './sample.ts';

type Spec = ArraySpec<RenderLensedOptions>;

const perBand = ({ bands, size }: RenderLensedOptions): number[] => [bands, size, size];

const inputs: Record<string, Spec> = {
  lens: {
    kind: { struct: LENS_LAYOUT },
    perItem: true,
    shape: () => [],
    unit: 'arcsec',
    doc: 'Deflector with external shear and convergence; kind 0 bends nothing.',
  },
  source: {
    kind: { struct: SOURCE_LAYOUT },
    perItem: true,
    shape: ({ components }) => [components],
    unit: 'arcsec',
    doc: 'Light components, each of unit total flux.',
  },
  flux: {
    kind: 'float',
    perItem: true,
    shape: ({ components, bands }) => [components, bands],
    unit: 'nanomaggy',
    doc: 'Total unlensed flux of every component in every band.',
  },
  bank: {
    kind: 'float',
    perItem: false,
    shape: ({ templateSide }) => [-1, templateSide, templateSide],
    unit: 'any',
    doc: 'Template images, resident on the device; one zero where no row uses a template.',
  },
};

const outputs: Record<string, Spec> = {
  cells: {
    kind: 'float',
    perItem: true,
    shape: ({ components, grid, oversample }) => [components, grid * oversample, grid * oversample],
    unit: 'fraction of the source flux',
    doc: 'Lensed light of a unit-flux component per cell of the padded grid, first moments handed to neighbours: what convolve-psf takes.',
  },
  lensed: {
    kind: 'float',
    perItem: true,
    shape: perBand,
    unit: 'nanomaggy/px',
    doc: 'Lensed stamps before the PSF, integrated over pixels.',
  },
  unlensed: { kind: 'float', perItem: true, shape: perBand, unit: 'nanomaggy/px', doc: 'The same sources without the lens.' },
  flux_err: {
    kind: 'float',
    perItem: true,
    shape: () => [1],
    unit: 'fraction of the flux',
    doc: 'Estimate of the sampling error of the total lensed flux (`render_flux_err`).',
  },
};

/** Rays of a row, four a node, mean of 500 rows of `arclet bench render`: 3,900 nodes lensed on 112 px and 840 unlensed on 64 px. */
const SAMPLES_PER_COMPONENT = 19_000;
/** SIE ray 60, Sersic value 25, bound and bookkeeping 25 (counted in the source, transcendental functions as their polynomials). */
const FLOPS_PER_SAMPLE = 110;

function variant(changes: Partial<RenderLensedOptions> & { size: number; pad: number }): RenderLensedOptions {
  const base = { oversample: 2, components: 1, bands: 3, pixscaleArcsec: 0.262, templateSide: 1, rule: AUTO_RULE };
  return { ...base, ...changes, grid: roundUpToTile(changes.size + 2 * changes.pad) };
}

function buildCase(
  label: string,
  options: RenderLensedOptions,
  count: number,
  seed: number,
  bank?: TemplateBank,
): SampleCase<RenderLensedOptions> {
  const lenses = sampleLenses(count, seed);
  const { sources, flux } = sampleSources(options, lenses, seed + 1, bank);
  return {
    label,
    options,
    count,
    inputs: {
      lens: lensColumns(lenses),
      source: sourceColumns(count === 0 ? [NO_SOURCE] : sources),
      flux,
      bank: bank === undefined ? new Float64Array(1) : bank.images,
    },
  };
}

export const spec: KernelSpec<RenderLensedOptions> = {
  slug: 'render-lensed',
  title: 'lensed and unlensed stamps by adaptive inverse ray tracing',
  inputs,
  outputs,
  tolerances: {
    cells: {
      kind: 'of-peak',
      value: 1e-4,
      why: 'f32 rays are off by 1e-6 arcsec, which the cusp of a compact source magnifies; this is the worst cell, not the sum',
    },
    lensed: { kind: 'of-peak', value: 1e-4, why: 'as for cells' },
    unlensed: { kind: 'of-peak', value: 1e-4, why: 'as for cells, without the lens' },
    flux_err: {
      kind: 'relative',
      value: 1e-2,
      why: 'bounds go with the fourth power of ray differences, and 1e-6 arcsec of f32 is 0.4 % of a cell of 1/1024 px; an estimate needs two digits',
    },
  },

  sample(count, seed) {
    const bank = sampleBank(seed);
    const part = (fraction: number): number => Math.max(1, Math.round(count * fraction));
    return [
      buildCase('48 px, 2 cells a px', variant({ size: 48, pad: 8 }), part(0.5), seed),
      buildCase('64 px, native cells', variant({ size: 64, pad: 8, oversample: 1 }), part(0.16), seed + 10),
      buildCase('96 px, 3 cells a px, 1 band', variant({ size: 96, pad: 8, oversample: 3, bands: 1 }), part(0.05), seed + 20),
      buildCase(
        '37 px, templates, 2 components',
        variant({ size: 37, pad: 6, components: 2, templateSide: bank.side, bands: 2 }),
        part(0.15),
        seed + 30,
        bank,
      ),
      buildCase('101 px', variant({ size: 101, pad: 0, bands: 1 }), part(0.02), seed + 35),
      buildCase('128 px, 4 cells a px', variant({ size: 128, pad: 0, oversample: 4, bands: 1 }), part(0.02), seed + 40),
      buildCase('32 px, 8 x 8 at least', variant({ size: 32, pad: 0, rule: fixedRule(8) }), part(0.1), seed + 50),
    ];
  },

  cost({ components, bands, grid, oversample, size }, count) {
    const cells = components * (grid * oversample) ** 2;
    const pixels = bands * size * size;
    return {
      flops: count * components * SAMPLES_PER_COMPONENT * FLOPS_PER_SAMPLE,
      bytes: count * 4 * (2 * cells + 2 * components * size * size + 2 * pixels),
    };
  },
};
