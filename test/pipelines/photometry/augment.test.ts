import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { augmentField } from '../../../src/pipelines/photometry/augment.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { type Cards, type FieldFiles, fieldConfig, freshFolder, KEYWORDS, SHAPE, testContext } from '../../support/fit-field.ts';
import { hasShared, shared } from '../../support/shared.ts';

const context = testContext();
afterAll(() => context.close());

const [H, W] = SHAPE;
const wcsOf = (cards: Cards = {}) => wcsFromHeader({ ...KEYWORDS, ...cards } as Record<string, string | number>);
const sky = (x: number, y: number, cards?: Cards) => wcsOf(cards).pixelToWorld(x, y).join(',');

/** Pixels of band m400 with one saturated pixel at (70, 60). */
const pixels = new Float32Array(W * H).fill(10);
pixels[60 * W + 70] = 900;

const HEADER = 'source_id,ra,dec,phot_g_mean_mag,mag_m400,mag_m425';
const ID = (last: number) => `58534987131905257${String(last).padStart(2, '0')}`;
const star = (last: number, x: number, y: number, rest = '15,16,16.5', cards?: Cards) =>
  `${ID(last)},${sky(x, y, cards)},${rest}`;

interface Case {
  readonly gaia: readonly string[];
  readonly catalogue: string;
  readonly sets?: readonly string[];
  readonly cards?: Cards;
  readonly gaiaName?: string;
}

const YAML = 'crop: {enabled: false}\nsource_saturation_cut: {radius_pix: 5}\nplotting: {dpi: 80}\n';

async function augmented({ gaia, catalogue, sets = [], cards = {} }: Case) {
  const folder = freshFolder();
  writeFileSync(join(folder, 'gaia.csv'), `${gaia.join('\n')}\n`);
  const files: FieldFiles = {
    images: [
      { name: 'b.fits', cards: { FILTER: 'm425', ...cards } },
      { name: 'a.fits', cards, data: pixels },
    ],
    catalogue,
    yaml: YAML,
    inputs: '  gaiaxp_synphot_csv: gaia.csv\n',
  };
  const config = await fieldConfig(folder, files, sets);
  const loaded = await loadField(context, config);
  try {
    const result = await augmentField(context, config, loaded.field);
    const csv = existsSync(join(folder, 'work/ZP/cat_with_Gaia.csv'))
      ? readFileSync(join(folder, 'work/ZP/cat_with_Gaia.csv'), 'utf8').trimEnd().split('\n')
      : [];
    return { ...result, csv, folder, loaded };
  } finally {
    await loaded.field.close();
  }
}

const flux = (magnitude: number) => String(10 ** ((25 - magnitude) / 2.5));

describe('augment', () => {
  const catalogue = `ID,RA,Note,DEC,FLUX_m400,FLUX_m425
${['007', '8', '9'].map((id, k) => `${id},${sky(20 + 20 * k, 30).replace(',', `,"a, ""b"" ${k}",`)},${['0.0,1.50', ',nan', '3,4'][k]}`).join('\n')}
x,,none,,1,2
`;
  const gaia = [
    HEADER,
    star(1, 20.5, 30), // row 0
    star(2, 60, 31, '15,nan,'), // row 2
    star(3, 70, 50), // 10 px from the saturated pixel
    star(4, 67, 57), // within 5 px
    star(5, 10, 10, '19,16,16'), // too faint
    star(6, 11, 10, ',16,16'), // no magnitude
    star(7, 80, 20, '8,,17'), // no m400
    star(8, 140, 20), // outside
    star(3, 90, 70), // a name that stood before
    `${ID(9)},nan,2.5,15,16,16`,
    `,${sky(30, 60)},15,16,16`,
  ];

  it('matches, fills fluxes, injects, and keeps every text', async () => {
    const { csv, counts, field, outputs, folder, loaded } = await augmented({ gaia, catalogue });
    const rows = catalogue.trimEnd().split('\n');
    const filled = rows[1].replace('0.0,1.50', `${flux(16)},1.50`);
    expect(csv).toEqual([
      `${rows[0]},excluded_crop,excluded_saturation,excluded_any,flag_duplicate_id,gaia_source_id,TYPE`,
      `${filled},False,False,False,False,${ID(1)},`,
      `${rows[2]},False,False,False,False,,`,
      `${rows[3]},False,False,False,False,${ID(2)},`,
      `${rows[4]},True,False,True,False,,`,
      `gaia_${ID(3)},${sky(70, 50).replace(',', ',,')},${flux(16)},${flux(16.5)},False,False,False,False,${ID(3)},STAR`,
      `gaia_${ID(7)},${sky(80, 20).replace(',', ',,')},0.0,${flux(17)},False,False,False,False,${ID(7)},STAR`,
    ]);
    expect(counts).toEqual({
      gaia_rows: 11,
      gaia_selected: 5,
      gaia_matched: 2,
      gaia_injected: 2,
      gaia_saturated: 1,
      gaia_fluxes_filled: 1,
      duplicate_id: 0,
    });
    expect(field.sources.map(({ row, id, gaiaSourceId }) => [row, id, gaiaSourceId])).toEqual([
      [0, '007', ID(1)],
      [1, '8', ''],
      [2, '9', ID(2)],
      [3, 'x', ''],
      [4, `gaia_${ID(3)}`, ID(3)],
      [5, `gaia_${ID(7)}`, ID(7)],
    ]);
    expect(field.sources[4]).toMatchObject({
      type: 'STAR',
      x: expect.closeTo(70, 6),
      y: expect.closeTo(50, 6),
      excludedCrop: false,
    });
    expect(Object.values(field.columns).every((column) => column.length === 6)).toBe(true);
    expect(field.columns['FLUX_m400'][4]).toBe(flux(16));
    // What was loaded has not changed.
    expect(loaded.field.columns['FLUX_m400']).toEqual(['0.0', '', '3', '1']);
    expect(outputs.map((path) => path.slice(folder.length + 1))).toEqual([
      'work/ZP/cat_with_Gaia.csv',
      'work/ZP/gaia_augmentation_overlay.png',
    ]);
    expect(readFileSync(outputs[1]).subarray(1, 4).toString()).toBe('PNG');
    const told = context.lines.join('\n');
    expect(told).toMatch(/gaia\.csv: 2 rows have no source_id or no place/);
    expect(told).toMatch(/gaia\.csv: 1 rows have a source_id that stands before/);
    expect(told).toMatch(/Gaia sources stay at their catalogue's epoch: no image has an epoch/);
  });

  it('as tract7dt: repeated sources stay, flags of injected rows are empty, bands may lack magnitudes', async () => {
    const without = gaia.map((line) => line.split(',').slice(0, 5).join(','));
    const { csv, counts } = await augmented({
      gaia: without,
      catalogue,
      sets: ['profile=tract7dt', 'crop.enabled=true', 'crop.margin=1'],
    });
    expect(counts).toMatchObject({ gaia_selected: 6, gaia_matched: 2, gaia_injected: 3, gaia_saturated: 1 });
    expect(csv.slice(5).map((line) => line.split(',').slice(4))).toEqual([
      [flux(16), '0.0', '', '', '', ID(3), 'STAR'],
      ['0.0', '0.0', '', '', '', ID(7), 'STAR'],
      [flux(16), '0.0', '', '', '', ID(3), 'STAR'],
    ]);
  });

  it('gives a star to one row, and as tract7dt to both', async () => {
    const close = `ID,RA,DEC\na,${sky(30, 30)}\nb,${sky(31, 30)}\n`;
    const ids = async (sets: string[]) => {
      const { field, counts } = await augmented({ gaia: [HEADER, star(1, 30.6, 30)], catalogue: close, sets });
      expect(counts['gaia_injected']).toBe(0);
      return field.sources.map(({ gaiaSourceId }) => gaiaSourceId);
    };
    expect(await ids([])).toEqual(['', ID(1)]);
    expect(await ids(['profile=tract7dt'])).toEqual([ID(1), ID(1)]);
  });

  it('matches at the epoch of the images where motions are known', async () => {
    // 10 years at 1 arcsec/yr to the north: 20 px.
    const moving = (last: number, y: number, motion: string) => `${star(last, 40, y)},${motion}`;
    const gaiaMoving = [`${HEADER},pmra,pmdec,ref_epoch`, moving(1, 20, '0,1000,2016'), moving(2, 70, ',,2016')];
    const given = { gaia: gaiaMoving, catalogue: `ID,RA,DEC\na,${sky(40, 40)}\n`, cards: { 'MJD-OBS': 51544.5 + 26 * 365.25 } };
    const ours = await augmented(given);
    expect(ours.field.sources.map(({ gaiaSourceId, y }) => [gaiaSourceId, Math.round(y)])).toEqual([
      [ID(1), 40],
      [ID(2), 70],
    ]);
    expect(ours.summary.at(-1)).toMatch(/1 sources moved to 2026\.000, the mean epoch of the images/);
    const original = await augmented({ ...given, sets: ['profile=tract7dt'] });
    expect(original.field.sources.map(({ gaiaSourceId, y }) => [gaiaSourceId, Math.round(y)])).toEqual([
      ['', 40],
      [ID(1), 20],
      [ID(2), 70],
    ]);
  });

  it.each([
    ['across RA 0', { CRVAL1: 0.0005, CRVAL2: -30 }],
    ['at the pole', { CRVAL1: 40, CRVAL2: 89.9999 }],
  ])('works %s', async (_, cards) => {
    const places = [
      [10, 40],
      [49, 39],
      [90, 70],
    ];
    const stars = places.map(([x, y], k) => star(k, x + 0.5, y, undefined, cards));
    const lines = places.slice(0, 2).map(([x, y], k) => `${k},${sky(x, y, cards)}\n`);
    const { field } = await augmented({ gaia: [HEADER, ...stars], catalogue: `ID,RA,DEC\n${lines.join('')}`, cards });
    expect(field.sources.map(({ gaiaSourceId }) => gaiaSourceId)).toEqual([ID(0), ID(1), ID(2)]);
    expect(field.sources[2]).toMatchObject({ x: expect.closeTo(90.5, 5), y: expect.closeTo(70, 5) });
  });

  it('replaces what an earlier run added, in its place', async () => {
    const again = `ID,gaia_source_id,RA,DEC,excluded_any,type\ngaia_1,old,${sky(30, 30)},yes,STAR\n`;
    const { csv } = await augmented({ gaia: [HEADER, star(1, 30, 30)], catalogue: again });
    expect(csv).toEqual([
      'ID,gaia_source_id,RA,DEC,excluded_any,type,excluded_crop,excluded_saturation,flag_duplicate_id',
      `gaia_1,${ID(1)},${sky(30, 30)},False,STAR,False,False,False`,
    ]);
  });

  it('flags every row of an ID that stands twice, injected ones too, and keeps them; as tract7dt there is no such column', async () => {
    const ids = ['a', 'b', 'a', '', '', `gaia_${ID(2)}`];
    const given = {
      gaia: [HEADER, star(1, 30, 30), star(2, 80, 20)],
      catalogue: `ID,RA,DEC\n${ids.map((id, k) => `${id},${sky(30 + 5 * k, 30)}\n`).join('')}`,
    };
    const ours = await augmented(given);
    const flags = ['True', 'False', 'True', 'False', 'False', 'True', 'True'];
    expect(ours.field.columns['flag_duplicate_id']).toEqual(flags);
    expect(ours.field.sources.map(({ row, duplicateId }) => [row, duplicateId])).toEqual(flags.map((flag, k) => [k, flag === 'True'])); // biome-ignore format: one list
    expect(ours.field.sources.every(({ excludedCrop, excludedSaturation }) => !excludedCrop && !excludedSaturation)).toBe(true);
    expect([ours.loaded.counts['duplicate_id'], ours.counts['duplicate_id']]).toEqual([2, 4]);
    const original = await augmented({ ...given, sets: ['profile=tract7dt'] });
    expect(original.csv[0]).toBe(
      'ID,RA,DEC,excluded_crop,excluded_saturation,excluded_any,gaia_source_id,TYPE,FLUX_m400,FLUX_m425',
    );
    expect(original.counts['duplicate_id']).toBe(4);
  });

  it('injects nothing when told so, and has something to say without a Gaia table or without stars in it', async () => {
    const off = await augmented({ gaia, catalogue, sets: ['zp.inject_gaia_sources=false'] });
    expect(off.counts).toMatchObject({ gaia_matched: 2, gaia_injected: 0, gaia_saturated: 0 });
    const none = await augmented({ gaia: [HEADER], catalogue });
    expect(none.counts).toMatchObject({ gaia_rows: 0, gaia_matched: 0, gaia_injected: 0 });
    expect(none.csv).toHaveLength(5);
    const without = await augmented({ gaia, catalogue, sets: ['inputs.gaiaxp_synphot_csv=null'] });
    expect(without).toMatchObject({
      counts: {},
      outputs: [],
      csv: [],
      summary: [expect.stringMatching(/no Gaia source is matched/)],
    });
    expect(without.field).toBe(without.loaded.field);
  });

  it('names every column that is missing, and refuses ids that have lost their digits', async () => {
    await expect(augmented({ gaia: ['ra,dec,mag_m400', '1,2,3'], catalogue })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      data: { missing: ['source_id', 'phot_g_mean_mag', 'mag_m425'] },
    });
    await expect(augmented({ gaia: [HEADER, '5.853498713190526e18,1,2,15,16,16'], catalogue })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/real numbers/),
    });
    await expect(augmented({ gaia, catalogue, sets: ['inputs.gaiaxp_synphot_csv=not-there.csv'] })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
    });
  });

  it.skipIf(!hasShared)(
    'reads a Gaia DR2 table of the Legacy Surveys, real positions and motions (needs ../shared)',
    async () => {
      const cards = { CRVAL1: 241.2, CRVAL2: 5.1 };
      const chunk = shared('data/d_gaia/chunk-04795.fits');
      const { withTable } = await import('../../../src/pipelines/files/tables.ts');
      const first = await withTable(chunk, undefined, async ({ batches }) => {
        for await (const { columns } of batches())
          return { id: columns['source_id'][0], ra: columns['ra'][0], dec: columns['dec'][0] };
        return undefined;
      });
      const place = { ...cards, CRVAL1: Number(first?.ra), CRVAL2: Number(first?.dec) };
      const { field } = await augmented({
        gaia,
        catalogue: `ID,RA,DEC\n1,${first?.ra},${first?.dec}\n`,
        cards: place,
        sets: ['profile=tract7dt', `inputs.gaiaxp_synphot_csv=${chunk}`, 'zp.gaia_mag_max=30'],
      });
      expect(field.sources[0].gaiaSourceId).toBe(String(first?.id));
      expect(field.sources[0].gaiaSourceId).toMatch(/^\d{18,19}$/);
    },
  );
});
