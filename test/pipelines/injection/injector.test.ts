import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { metricsColumns, type Task } from '../../../src/pipelines/injection/columns.ts';
import { taskOf, withInjector } from '../../support/injection.ts';

/** 48 configs of grid_small x 20 draws as the originals make them. */
function gridSmall(): Task[] {
  const tasks: Task[] = [];
  const axes = [
    [0.3, 0.6, 1],
    [1, 2],
    [0.08, 0.15],
    [0, 0.3],
    [0, 0.03],
  ] as const;
  for (const theta of axes[0])
    for (const dmag of axes[1])
      for (const reff of axes[2])
        for (const e of axes[3])
          for (const shear of axes[4]) {
            for (let draw = 0; draw < 20; draw++) {
              const n = tasks.length;
              const random = new PhiloxStream(philoxKey(7), [0, n, 0]);
              const radius = 0.8 * theta * Math.sqrt(random.uniform());
              const angle = 2 * Math.PI * random.uniform();
              tasks.push(taskOf(n, {
        theta_e_arcsec: theta, src_dmag: dmag, src_mag_r: 19 + dmag, src_reff_arcsec: reff, src_e: e, shear,
        src_x_arcsec: radius * Math.cos(angle), src_y_arcsec: radius * Math.sin(angle),
        src_phi_rad: 2 * Math.PI * random.uniform(), shear_phi_rad: Math.PI * random.uniform(),
        lens_e: 0.05 + 0.45 * random.uniform(), lens_phi_rad: Math.PI * random.uniform(),
      })); // biome-ignore format: a row
            }
          }
  return tasks;
}

describe('960 rows of grid_small', () => {
  it('none has a magnification below 1, and none is off by more than 0.5 % of its flux', async () => {
    const tasks = gridSmall();
    expect(tasks.length).toBe(960);
    const rows = await withInjector({ bands: ['r'], metrics_only: true }, {}, (injector) => injector.inject(tasks), {
      backend: 'cpu',
      workers: 2,
    });
    const magnifications = rows.map(({ metrics }) => metrics['magnification'] as number);
    expect(magnifications.every((value) => value > 1)).toBe(true);
    expect(Math.max(...rows.map(({ metrics }) => metrics['render_flux_err'] as number))).toBeLessThan(0.005);
  });
});

describe('a row', () => {
  it('has every column of the metrics, whatever became of it', async () => {
    const tasks = [
      taskOf(1),
      taskOf(2, { is_control: 1, lens_model: 'CONTROL', theta_e_arcsec: 0 }),
      taskOf(3, { src_reff_arcsec: Number.NaN }),
    ];
    const rows = await withInjector({}, {}, (injector) => injector.inject(tasks));
    const names = metricsColumns(['g', 'r', 'z'])
      .map(({ name }) => name)
      .sort();
    for (const { metrics } of rows) expect(Object.keys(metrics).sort()).toEqual(names);
    expect(rows.map(({ metrics }) => metrics['cutout_ok'])).toEqual([1, 1, 0]);
    expect(rows[2].metrics['failure']).toMatch(/^INPUT_INVALID: Row .* src_reff_arcsec is NaN/);
    expect(rows[2].arc).toBeUndefined();
  });

  it('of a control is the survey, with the nulls of a control', async () => {
    const [row] = await withInjector({}, {}, (injector) =>
      injector.inject([taskOf(2, { is_control: 1, lens_model: 'CONTROL', theta_e_arcsec: 0 })]),
    );
    expect(row.arc).toBeUndefined();
    for (const name of [
      'arc_snr',
      'arc_snr_sum',
      'arc_snr_mf',
      'magnification',
      'total_injected_flux_r',
      'psf_fwhm_used_r',
      'psf_source_g',
    ])
      expect(row.metrics[name]).toBeNull();
    expect(row.metrics).toMatchObject({
      bad_pixel_frac: 0,
      wise_brightmask_frac: 0,
      cutout_ok: 1,
      metrics_ok: 1,
      physics_valid: 1,
    });
  });

  it('does not depend on its neighbours, their order, the batch or the workers', async () => {
    const tasks = Array.from({ length: 12 }, (_, n) =>
      taskOf(n, { theta_e_arcsec: 0.4 + 0.1 * n, src_reff_arcsec: 0.1 + 0.02 * n, ra: n }),
    );
    const together = await withInjector({ gain: 500 }, {}, (injector) => injector.inject(tasks));
    const backwards = await withInjector({ gain: 500 }, {}, (injector) => injector.inject(tasks.toReversed()), {
      backend: 'cpu',
      workers: 2,
    });
    const alone = await withInjector({ gain: 500 }, {}, async (injector) => [
      (await injector.inject([tasks[5]]))[0],
      (await injector.inject(tasks.slice(3, 8)))[2],
    ]);
    tasks.forEach((_, n) => {
      expect(backwards[tasks.length - 1 - n].metrics).toEqual(together[n].metrics);
      expect(backwards[tasks.length - 1 - n].arc?.arc).toEqual(together[n].arc?.arc);
    });
    for (const row of alone) {
      expect(row.metrics).toEqual(together[5].metrics);
      expect(row.arc?.arc).toEqual(together[5].arc?.arc);
    }
  });

  it('that cannot be drawn does not take others with it', async () => {
    const tasks = [taskOf(1), taskOf(2, { src_n: 40 }), taskOf(3)];
    const rows = await withInjector({}, {}, (injector) => injector.inject(tasks));
    expect(rows.map(({ metrics }) => metrics['cutout_ok'])).toEqual([1, 0, 1]);
    expect(rows[1].metrics['failure']).toMatch(/Sersic index 40/);
  });
});

describe('the survey decides', () => {
  const one = (keys: Record<string, unknown>, sky: Parameters<typeof withInjector>[1], values = {}) =>
    withInjector(keys, sky, async (injector) => (await injector.inject([taskOf(1, values)]))[0]);

  it('the lens is centred on the host to 0.01 px', async () => {
    // A source exactly behind a round lens is a ring: its centroid is the lens.
    const ring = { lens_model: 'SIS', lens_e: 0, shear: 0, src_e: 0, src_x_arcsec: 0, src_y_arcsec: 0, src_reff_arcsec: 0.3 };
    for (const host of [
      [32, 32],
      [31.6, 32.45],
      [32.5, 31.5],
    ] as const) {
      const row = await one({ bands: ['r'] }, { host }, ring);
      const [x, y] = centroid(row.arc!.arc, 64);
      expect(Math.abs(x - host[0])).toBeLessThan(0.01);
      expect(Math.abs(y - host[1])).toBeLessThan(0.01);
      expect(row.metrics).toMatchObject({ host_x: expect.closeTo(host[0], 9), host_y: expect.closeTo(host[1], 9) });
    }
  });

  it('the PSF has the right size under both meanings', async () => {
    const nea = await one({}, { psfsize: 1.3 });
    expect(nea.metrics['psf_fwhm_used_r']).toBeCloseTo(1.3 * 0.8113, 3);
    const fwhm = await one({ psf_size_semantics: 'fwhm' }, { psfsize: 1.3 });
    expect(fwhm.metrics['psf_fwhm_used_r']).toBeCloseTo(1.3, 12);
    expect([nea.metrics['psf_source_r'], nea.metrics['psf_size_semantics'], fwhm.metrics['psf_size_semantics']]).toEqual([
      0,
      'nea',
      'fwhm',
    ]);
  });

  it('a PSF size comes from the map, the manifest, the reference band or the fallback, and says so', async () => {
    const zeroG = { change: (cutouts: { psfsize: Float64Array }) => void cutouts.psfsize.fill(0, 0, 1) };
    expect((await one({}, zeroG)).metrics).toMatchObject({ psf_source_g: 2, psf_source_r: 0 });
    expect((await one({}, zeroG, { psfsize_g: 1.5 })).metrics).toMatchObject({ psf_source_g: 1, psf_source_r: 0 });
    const none = { change: (cutouts: { psfsize: Float64Array }) => void cutouts.psfsize.fill(Number.NaN) };
    const row = await one({ psf_size_semantics: 'fwhm' }, none);
    expect(row.metrics).toMatchObject({ psf_source_g: 3, psf_source_r: 3, psf_fwhm_used_z: 1.4 });
  });

  it('nothing is injected where a band was not observed, and the sums know it', async () => {
    const row = await one({}, { change: ({ invvar }) => void invvar.fill(0, 64 * 64, 64 * 64 + 64 * 32) });
    const arc = row.arc!.arc;
    expect(arc.subarray(64 * 64, 64 * 64 + 64 * 32).every((value) => value === 0)).toBe(true);
    expect(arc.subarray(0, 64 * 32).some((value) => value > 0)).toBe(true);
    expect(row.metrics['coverage_frac_r']).toBe(0.5);
    const whole = await one({}, {});
    expect(row.metrics['total_injected_flux_r']).toBeLessThan(0.8 * (whole.metrics['total_injected_flux_r'] as number));
    // The lens is the same, whatever the survey covers.
    expect(row.metrics['magnification']).toBe(whole.metrics['magnification']);
  });

  it.each([
    [
      'a band without coverage',
      ({ invvar }: { invvar: Float32Array }) => void invvar.fill(0, 0, 64 * 64),
      /^NO_COVERAGE: no pixel of band g /,
    ],
    ['a stamp over the edge', ({ inside }: { inside: Uint8Array }) => void inside.fill(0), /^OUTSIDE_BRICK/],
    ['pixels that are not finite', ({ finite }: { finite: Uint8Array }) => void finite.fill(0), /^NOT_FINITE/],
  ])('%s is a row with its reason', async (_, change, reason) => {
    const row = await one({}, { change: change as never });
    expect(row.metrics['failure']).toMatch(reason);
    expect(row.metrics).toMatchObject({ cutout_ok: 0, metrics_ok: 0, arc_snr: null });
    expect(row.arc).toBeUndefined();
  });

  it('a stamp whose every pixel is masked has no signal-to-noise', async () => {
    const row = await one({}, { change: ({ mask }) => void mask.fill(1 << 1) });
    expect(row.metrics).toMatchObject({
      cutout_ok: 1,
      bad_pixel_frac: 1,
      arc_snr: null,
      arc_snr_sum: null,
      metrics_ok: 0,
      physics_warnings: expect.stringContaining('no_good_pixel'),
    });
    expect(row.metrics['total_injected_flux_r']).toBeGreaterThan(0);
  });

  it('no light lies within the core mask', async () => {
    const row = await one({ core_mask_radius: 4 }, { host: [32, 32] });
    const arc = row.arc!.arc;
    for (let y = 0; y < 64; y++)
      for (let x = 0; x < 64; x++) expect(arc[y * 64 + x] === 0).toBe(Math.hypot(x - 32, y - 32) < 4 || arc[y * 64 + x] === 0);
    expect(arc[32 * 64 + 32]).toBe(0);
    expect(arc.some((value) => value > 0)).toBe(true);
  });

  it('an arc follows the colours of its row', async () => {
    const red = await one({}, {}, { src_gr: 1.2, src_rz: 0.9 });
    const sums = [0, 1, 2].map((band) => red.arc!.lightSum[band]);
    expect(-2.5 * Math.log10(sums[0] / sums[1])).toBeCloseTo(1.2, 2);
    expect(-2.5 * Math.log10(sums[1] / sums[2])).toBeCloseTo(0.9, 2);
    expect(red.metrics).toMatchObject({ src_mag_g_used: 22.2, src_mag_r_used: 21, src_mag_z_used: 20.1 });
  });
});

describe('shot noise of the arc', () => {
  it('changes the pixels and not what an arc is worth', async () => {
    const tasks = Array.from({ length: 8 }, (_, n) => taskOf(n, { src_mag_r: 23.5 }));
    const quiet = await withInjector({ bands: ['r'] }, {}, (injector) => injector.inject(tasks));
    const noisy = await withInjector({ bands: ['r'], gain: 20 }, {}, (injector) => injector.inject(tasks));
    tasks.forEach((_, n) => {
      for (const name of [
        'arc_snr',
        'arc_snr_sum',
        'arc_snr_mf',
        'arc_area_pix',
        'magnification',
        'cosmos_hlr_arcsec',
        'tangential_stretch',
      ])
        expect(noisy[n].metrics[name]).toBe(quiet[n].metrics[name]);
      expect(noisy[n].arc!.arc).not.toEqual(quiet[n].arc!.arc);
      expect(noisy[n].metrics['total_injected_flux_r']).toBe(noisy[n].arc!.sum[0]);
    });
  });

  it('has the variance of its electrons and leaves empty pixels alone', async () => {
    const tasks = Array.from({ length: 60 }, (_, n) => taskOf(n, { src_mag_r: 19 }));
    const quiet = await withInjector({ bands: ['r'] }, {}, (injector) => injector.inject(tasks.slice(0, 1)));
    const noisy = await withInjector({ bands: ['r'], gain: 100 }, {}, (injector) => injector.inject(tasks));
    const light = quiet[0].arc!.arc;
    let chi2 = 0;
    let count = 0;
    for (const { arc } of noisy) {
      for (let at = 0; at < light.length; at++) {
        if (100 * light[at] < 5) continue;
        chi2 += ((arc!.arc[at] - light[at]) ** 2 * 100) / light[at];
        count++;
      }
    }
    expect(count).toBeGreaterThan(5000);
    expect(chi2 / count).toBeGreaterThan(0.95);
    expect(chi2 / count).toBeLessThan(1.05);
  });
});

function centroid(values: ArrayLike<number>, size: number): [number, number] {
  let sum = 0;
  let x = 0;
  let y = 0;
  for (let at = 0; at < size * size; at++) {
    sum += values[at];
    x += values[at] * (at % size);
    y += values[at] * Math.floor(at / size);
  }
  return [x / sum, y / sum];
}

describe('on a GPU', () => {
  it('rows agree with the CPU: arcs to 1e-4 of their peak, metrics to 1e-3', async () => {
    const tasks = Array.from({ length: 6 }, (_, n) =>
      taskOf(n, { theta_e_arcsec: 0.5 + 0.2 * n, src_reff_arcsec: 0.12 + 0.03 * n }),
    );
    const cpu = await withInjector({}, {}, (injector) => injector.inject(tasks));
    const gpu = await withInjector({}, {}, (injector) => injector.inject(tasks), { backend: 'gpu' });
    tasks.forEach((_, n) => {
      const [a, b] = [cpu[n].arc!.arc, gpu[n].arc!.arc];
      const peak = Math.max(...a);
      expect(Math.max(...Array.from(a, (value, at) => Math.abs(value - b[at])))).toBeLessThan(1e-4 * peak);
      for (const name of ['arc_snr', 'arc_snr_mf', 'magnification', 'total_injected_flux_r', 'cosmos_hlr_arcsec'])
        expect(Math.abs(Number(gpu[n].metrics[name]) / Number(cpu[n].metrics[name]) - 1)).toBeLessThan(1e-3);
      expect(gpu[n].metrics).toMatchObject({
        cutout_ok: 1,
        psf_fwhm_used_r: cpu[n].metrics['psf_fwhm_used_r'],
        oversample: cpu[n].metrics['oversample'],
      });
    });
  });
});
