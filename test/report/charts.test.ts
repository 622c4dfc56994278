import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { svgToPng } from '../../src/io/svg-png.ts';
import { barChart, heatmapChart, histogramChart, lineChart, scatterChart } from '../../src/report/charts.ts';
import { formatNumber, logTicks, tickFormatter } from '../../src/report/charts-axis.ts';
import { binEdges, countInto } from '../../src/report/charts-bins.ts';
import { figurePage } from '../../src/report/figures.ts';

const ramp = (count: number, at: (index: number) => number) => Float64Array.from({ length: count }, (_, index) => at(index));

const FLUX = { label: 'Flux', unit: 'nanomaggy' } as const;
const MAG = { label: 'Magnitude r', unit: 'mag' } as const;
const PART = { label: 'Completeness' } as const;

/** Every kind of chart once, with what must be found in it: selector and number. */
const GALLERY: Record<
  string,
  { svg: (theme: 'light' | 'dark' | 'auto') => Promise<string>; axes: string[]; marks: [string, number][] }
> = {
  line: {
    svg: (theme) =>
      lineChart({
        theme,
        title: 'Lines',
        subtitle: 'with a band',
        x: MAG,
        y: PART,
        series: [
          { name: 'A', x: [18, 20, 22], y: [1, 0.9, 0.2], low: [0.9, 0.8, 0.1], high: [1, 1, 0.3] },
          { name: 'B', x: [18, 20, Number.NaN, 22, 23], y: [1, 0.8, 0.7, 0.4, 0.3], dashed: true },
        ],
        guides: [{ axis: 'y', value: 0.5, label: 'half' }],
      }),
    axes: ['Magnitude r (mag)', 'Completeness'],
    marks: [
      ['[aria-label="line"] path', 2],
      ['[aria-label="area"] path', 1],
      ['.chart-guide line', 1],
      ['.chart-guide-label text', 1],
      ['.chart-legend', 2],
      ['.chart-note', 1],
    ],
  },
  scatter: {
    svg: (theme) =>
      scatterChart({
        theme,
        title: 'Dots',
        x: { ...FLUX, scale: 'log' },
        y: { label: 'Measured', unit: 'nanomaggy', scale: 'log' },
        diagonal: true,
        series: [{ name: 'r', x: [0.1, 1, 10, -1], y: [0.12, 1, 9, 2], ySigma: [0.5, 0.1, 0.1, 0.1] }],
      }),
    axes: ['Flux (nanomaggy)', 'Measured (nanomaggy)'],
    marks: [
      ['[aria-label="dot"] circle', 3],
      ['.chart-sigma line', 3],
      ['.chart-diagonal path', 1],
      ['.chart-legend', 0],
    ],
  },
  density: {
    svg: (theme) =>
      scatterChart({
        theme,
        title: 'Too many dots',
        x: MAG,
        y: FLUX,
        maxDots: 10,
        series: [{ name: 'all', x: ramp(40, (k) => k % 4), y: ramp(40, (k) => k % 2) }],
      }),
    axes: ['Magnitude r (mag)', 'Flux (nanomaggy)', 'Points per cell'],
    marks: [
      ['.chart-cell rect', 4],
      ['[aria-label="dot"] circle', 0],
    ],
  },
  histogram: {
    svg: (theme) =>
      histogramChart({
        theme,
        title: 'Counts',
        x: { ...FLUX, domain: [0, 10] },
        bins: 5,
        series: [{ name: 'all', values: ramp(12, (k) => k) }],
      }),
    axes: ['Flux (nanomaggy)', 'Count'],
    marks: [
      ['[aria-label="rect"] rect', 5],
      ['.chart-note', 1],
    ],
  },
  heatmap: {
    svg: (theme) =>
      heatmapChart({
        theme,
        title: 'Cells',
        x: MAG,
        y: { label: 'Einstein radius', unit: 'arcsec' },
        xEdges: [18, 20, 22, 24],
        yEdges: [0.5, 1, 2],
        values: [1, 0.5, 0, 0.25, Number.NaN, 0.75],
        value: { ...PART, domain: [0, 1] },
      }),
    axes: ['Magnitude r (mag)', 'Einstein radius (arcsec)', 'Completeness'],
    marks: [
      ['.chart-cell rect', 5],
      ['.chart-number text', 5],
      ['.chart-empty-cell rect', 1],
      ['.chart-colour-bar rect', 64],
    ],
  },
  bars: {
    svg: (theme) =>
      barChart({
        theme,
        title: 'Where the time went',
        x: { label: 'Wall time', unit: 's' },
        bars: ['shard 0', 'shard 1'].map((name) => ({ name, parts: [{ name: 'read', value: 1 }, { name: 'compute', value: 2.5 }] })), // biome-ignore format: two bars
      }),
    axes: ['Wall time (s)'],
    marks: [
      ['[aria-label="bar"] rect', 4],
      ['.chart-total text', 2],
      ['.chart-legend', 2],
    ],
  },
};

function parse(svg: string) {
  const { document } = new JSDOM(svg).window as unknown as {
    document: { querySelectorAll(selector: string): Iterable<{ textContent: string }> };
  };
  return (selector: string) => [...document.querySelectorAll(selector)];
}

/** Addresses that a browser would fetch: everything but XML's names of namespaces and places in the same document. */
const fetched = (text: string) =>
  [...text.matchAll(/(?:href|src)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import[^;]*/g)].filter(([all, address, place]) => !(address ?? place ?? all).match(/^(#|data:)/)); // biome-ignore format: one filter

describe('charts', () => {
  for (const [name, { svg: draw, axes, marks }] of Object.entries(GALLERY)) {
    it(`draw ${name}: axes with units, all marks, nothing from elsewhere`, async () => {
      const svg = await draw('light');
      const find = parse(svg);
      const labels = find('[aria-label$="-axis label"] text').map(({ textContent }) => textContent);
      expect(labels.sort()).toEqual([...axes].sort());
      expect(marks.map(([selector]) => [selector, find(selector).length])).toEqual(marks);
      expect(fetched(svg)).toEqual([]);
      expect(svg).not.toMatch(/<script|NaN|Infinity|undefined|var\(/);
      const png = await svgToPng(svg, { scale: 1 });
      expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
      expect(new DataView(png.buffer).getUint32(16)).toBe(640);
    });
  }

  it('differ between light and dark in colours alone, and follow the page with auto', async () => {
    const [light, dark, auto] = await Promise.all(
      (['light', 'dark', 'auto'] as const).map((theme) => GALLERY['bars'].svg(theme)),
    );
    const bare = (svg: string) => svg.replace(/#[0-9a-f]{6}/g, '#');
    expect(light).not.toBe(dark);
    expect(bare(light)).toBe(bare(dark));
    expect(auto).toContain('prefers-color-scheme:dark');
    await expect(svgToPng(auto)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('are the same text at every drawing, clip paths included', async () => {
    const first = await GALLERY['heatmap'].svg('dark');
    expect(first).toContain('clip-path="url(#clip-');
    expect(await GALLERY['heatmap'].svg('dark')).toBe(first);
  });

  it('say what they leave out', async () => {
    const notes = async (svg: Promise<string>) => parse(await svg)('.chart-note').map(({ textContent }) => textContent);
    expect(await notes(GALLERY['scatter'].svg('light'))).toEqual([expect.stringMatching(/^1 of 4 points are not finite/)]);
    expect(await notes(GALLERY['histogram'].svg('light'))).toEqual(['Outside the axis: 1 of 12 values.']);
    expect(await notes(GALLERY['heatmap'].svg('light'))).toEqual(['1 of 6 cells have no value and are struck through.']);
    expect(await notes(lineChart({ title: '', x: MAG, y: FLUX, series: [] }))).toEqual(['There is nothing to draw.']);
  });

  it('hold any text as text', async () => {
    const title = '<script>alert("1")</script> & \u0001 \ud800';
    const svg = await lineChart({ theme: 'light', title, x: MAG, y: FLUX, series: [{ name: title, x: [1, 2], y: [1, 2] }] });
    expect(svg).not.toContain('<script');
    expect((await svgToPng(svg, { scale: 1 })).length).toBeGreaterThan(1000);
  });

  it('refuse what does not fit together', async () => {
    expect(() => lineChart({ title: '', x: MAG, y: FLUX, series: [{ name: 'a', x: [1], y: [1, 2] }] })).toThrow(/x 1, y 2/);
    expect(() => scatterChart({ title: '', x: MAG, y: FLUX, series: [{ name: 'a', x: [1], y: [1], ySigma: [] }] })).toThrow(
      /0 sigmas/,
    );
    const cells = { title: '', x: MAG, y: FLUX, value: PART, xEdges: [0, 1, 2], yEdges: [0, 1] };
    expect(() => heatmapChart({ ...cells, values: [1] })).toThrow(/1 x 2 cells has 2 values, got 1/);
    expect(() => heatmapChart({ ...cells, xEdges: [0, 0, 2], values: [1, 2] })).toThrow(/edge 1/);
    expect(() => barChart({ title: '', x: FLUX, bars: [{ name: 'a', parts: [{ name: 'p', value: -1 }] }] })).toThrow(/is -1/);
    await expect(svgToPng('no svg')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('axes and bins', () => {
  it('write numbers as people do', () => {
    expect([0, 1500, -0.02, 3e8, 1e-26, 9.9999999e5, 0.1 + 0.2].map(formatNumber)).toEqual([
      '0',
      '1,500',
      '−0.02',
      '3×10⁸',
      '10⁻²⁶',
      '10⁶',
      '0.3',
    ]);
  });

  it('number logarithmic axes at powers of ten, and between them where there is room', () => {
    const named = (domain: [number, number]) =>
      logTicks(domain, 7)
        .map(tickFormatter('log', domain, 7))
        .filter((text) => text !== '');
    expect(named([0.1, 1000])).toEqual(['0.1', '1', '10', '100', '1,000']);
    expect(named([1, 30])).toEqual(['1', '2', '5', '10', '20']);
    expect(named([1e-6, 1e8])).toEqual(['10⁻⁶', '10⁻⁴', '0.01', '1', '100', '10,000', '10⁶', '10⁸']);
  });

  it('count as numpy.histogram does: the last bin holds its upper edge', () => {
    // numpy.histogram([0, 1, 2, 3, 4, 5], 3, (0, 5)) and of [.., 6, -1] outside.
    const edges = binEdges([], { domain: [0, 5], bins: 3 });
    expect(countInto(Float64Array.of(0, 1, 2, 3, 4, 5, 6, -1), edges)).toEqual({ counts: Uint32Array.of(2, 2, 2), outside: 2 });
    const log = binEdges([Float64Array.of(1, 10, 1000)], { log: true, bins: 3 });
    expect([...countInto(Float64Array.of(1, 9, 11, 1000), log).counts]).toEqual([2, 1, 1]);
  });
});

describe('a page of figures', () => {
  it('stands alone', async () => {
    const svg = await GALLERY['line'].svg('auto');
    const html = figurePage('Run <1>', 'All of it.', [
      { image: svg, title: 'Lines', caption: 'a & b' },
      { image: await svgToPng(await GALLERY['bars'].svg('dark')), title: 'Bars', caption: '' },
    ]);
    expect(parse(html)('figure').length).toBe(2);
    expect(parse(html)('figure svg.arclet-chart').length).toBe(1);
    expect(html).toContain('<h1>Run &lt;1&gt;</h1>');
    expect(fetched(html)).toEqual([]);
  });
});
