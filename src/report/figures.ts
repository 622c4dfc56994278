/** Figures with captions in pages that stand alone: charts as SVG in the page, pictures as data addresses. */
import { escapeHtml, page } from './html.ts';

export interface Figure {
  /** The text of an SVG that charts made, or the bytes of a PNG. */
  readonly image: string | Uint8Array;
  readonly title: string;
  readonly caption: string;
}

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; background: light-dark(#f3f4f7, #0b0d12); color: light-dark(#1d232e, #d9dee8); font: 15px/1.5 Inter, system-ui, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.8rem; font-weight: 600; margin: 0 0 .3rem; }
p { margin: .2rem 0 1.4rem; color: light-dark(#566072, #98a2b5); max-width: 75ch; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 520px), 1fr)); gap: 1.1rem; align-items: start; }
figure { margin: 0; background: light-dark(#ffffff, #12151c); border: 1px solid light-dark(#dde1e8, #232833); border-radius: 10px; padding: .5rem; overflow: hidden; }
figure img, figure svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { padding: .5rem .6rem .3rem; font-size: .86rem; color: light-dark(#566072, #98a2b5); }
figcaption b { color: light-dark(#1d232e, #dfe4ee); font-weight: 600; margin-right: .5em; }
`;

/** One figure with its caption, for any page. An SVG stands in the page as it is: charts write it, nothing else may. */
export function figureHtml({ image, title, caption }: Figure): string {
  const picture =
    typeof image === 'string'
      ? image
      : `<img alt="${escapeHtml(title)}" src="data:image/png;base64,${Buffer.from(image).toString('base64')}">`;
  return `<figure>\n${picture}\n<figcaption><b>${escapeHtml(title)}</b>${escapeHtml(caption)}</figcaption>\n</figure>`;
}

/** A page of figures that follows the reader's choice of light or dark, as charts with theme 'auto' do. */
export function figurePage(title: string, text: string, figures: readonly Figure[]): string {
  const body = `<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(text)}</p>
<div class="figures">
${figures.map(figureHtml).join('\n')}
</div>`;
  return page(title, body, STYLE);
}
