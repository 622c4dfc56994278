import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEngine } from '../../src/index.ts';
import { makeGallery } from '../../src/pipelines/gallery/gallery.ts';
import { galleryGroups, galleryRows } from '../../src/pipelines/gallery/gallery-rows.ts';
import { galleryBank, TEMPLATE, TEMPLATE_SIDE } from '../../src/pipelines/gallery/templates.ts';
import { readRows } from '../../src/pipelines/injection/read-rows.ts';
import { renderLensed } from '../../src/pipelines/injection/render.ts';
import type { RenderResult } from '../../src/pipelines/injection/result.ts';
import { lensDescription, parseRows } from '../../src/pipelines/injection/rows.ts';
import { galleryPage } from '../../src/report/gallery-page.ts';
import { escapeHtml } from '../../src/report/html.ts';
import { causticCurves, imageCount } from '../../src/sky/lensing/caustics.ts';
import { lensParameters } from '../../src/sky/lensing/models.ts';

describe('the page', () => {
  it('needs no network and no script, and escapes what it is given', () => {
    const curve = { kind: 'critical', x: [0, 1, 0], y: [0, 0, 1] } as const;
    const html = galleryPage({
      title: 'a <b> & c',
      text: '',
      stampArcsec: 8,
      sections: [
        {
          title: 's',
          text: '',
          figures: [
            {
              title: '"f"',
              caption: '<i>',
              panels: [
                { label: 'lensed', image: 'data:image/png;base64,AA', curves: [curve], view: { x: 1, y: 2, sideArcsec: 4 } },
              ],
            },
          ],
        },
      ],
      tables: [{ title: 't', text: '', head: ['h'], rows: [['<td>']] }],
    });
    expect(html).not.toMatch(/<script|https?:|src=/);
    expect(html).toContain('<h1>a &lt;b&gt; &amp; c</h1>');
    expect(html).toContain('<td>&lt;td&gt;</td>');
    // y is up in arcsec and down in SVG; the curve is closed.
    expect(html).toContain('points="0,0 1,0 0,-1 0,0"');
    expect(html).toContain('viewBox="-1 -4 4 4"');
    expect(escapeHtml(`<>&"'`)).toBe('&lt;&gt;&amp;&quot;&#39;');
  });
});

describe('the gallery', () => {
  const groups = galleryGroups();
  const entries = groups.flatMap((group) => group.entries);

  it('has 24 rows, the same for ever', () => {
    expect(groups.map((group) => group.entries.length)).toEqual([6, 6, 6, 6]);
    expect(galleryGroups()).toEqual(groups);
  });

  it('shows what its titles promise', () => {
    const rows = parseRows(galleryRows(groups, 'b')).rows;
    const images = rows.slice(0, 6).map(({ lens, sources: [source] }) => {
      const curves = causticCurves(lensParameters(lensDescription(lens)));
      return imageCount(curves, source.xArcsec, source.yArcsec);
    });
    const titles = entries.slice(0, 6).map(({ title }, index) => `${title}: ${images[index]}`);
    expect(titles).toEqual(['Einstein cross: 4', 'Fold: 4', 'Cusp: 4', 'Double: 2', 'Einstein ring: 4', 'Naked cusp: 3']);
  });

  it('has templates with light in the middle and none at the edge', () => {
    const { images, side } = galleryBank();
    expect(side).toBe(TEMPLATE_SIDE);
    expect(images.length).toBe(Object.keys(TEMPLATE).length * side * side);
    for (let template = 0; template < images.length / side ** 2; template++) {
      const image = images.subarray(template * side ** 2, (template + 1) * side ** 2);
      expect(Math.max(...image.subarray(0, side))).toBe(0);
      expect(Math.max(...image)).toBeGreaterThan(0.1);
      expect(image.every((value) => value >= 0)).toBe(true);
    }
  });

  it('writes a page, its picture, and rows that render again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'arclet-gallery-'));
    const engine = await openEngine({ backend: 'cpu', workers: 0 });
    let drawn: RenderResult | undefined;
    // On a coarse grid: what is tested is the page.
    const render: typeof renderLensed = async (on, file, options) => {
      drawn = await renderLensed(on, { ...file, grid: { size: 32, pixscaleArcsec: 0.25 } }, options);
      return drawn;
    };
    const page = await makeGallery(folder, { engine, render, version: '0.0.0' });
    await engine.close();
    expect(readdirSync(folder).sort()).toEqual(['contact-sheet.png', 'index.html', 'rows.json', 'templates.npz']);
    const html = readFileSync(page, 'utf8');
    expect(html.match(/<figure>/g)?.length).toBe(24);
    for (const { title } of entries) expect(html).toContain(escapeHtml(title));
    expect(html.match(/class="critical"/g)?.length).toBeGreaterThan(20);
    const { file, bank } = await readRows(join(folder, 'rows.json'));
    expect(file.rows.length).toBe(24);
    expect(bank?.images).toEqual(galleryBank().images);
    expect(drawn?.convolved.data.every(Number.isFinite)).toBe(true);
  });
});
