/** Pages that stand alone: one file, no network, no script. */

/** Text as it may stand between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

const STYLE = `
:root { color-scheme: dark; --ground: #0b0d12; --card: #12151c; --line: #232833; --text: #d9dee8; --quiet: #8b94a5; --critical: #ffb454; --caustic: #6cc7ff; --inner: #b48cff; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1480px; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; font-weight: 600; letter-spacing: -0.01em; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; font-weight: 600; margin: 2.6rem 0 .2rem; }
p { margin: .2rem 0 1rem; color: var(--quiet); max-width: 75ch; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(430px, 1fr)); gap: 1.1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem; }
.panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4rem; }
.panel { position: relative; }
.panel svg { display: block; width: 100%; aspect-ratio: 1; background: #000; border-radius: 6px; }
.panel span { position: absolute; left: .5rem; bottom: .35rem; font-size: .72rem; color: #e8ecf4; text-shadow: 0 0 4px #000, 0 0 2px #000; }
figcaption { padding: .6rem .2rem .1rem; font-size: .86rem; color: var(--quiet); }
figcaption b { color: var(--text); font-weight: 600; display: block; font-size: .95rem; }
polyline { fill: none; stroke-width: 1.3; vector-effect: non-scaling-stroke; stroke-linejoin: round; opacity: .85; }
.critical { stroke: var(--critical); } .caustic { stroke: var(--caustic); } .inner { stroke: var(--inner); stroke-dasharray: 4 3; }
.scale { stroke: #e8ecf4; stroke-width: 1.6; opacity: .8; vector-effect: non-scaling-stroke; }
.key { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: center; font-size: .86rem; color: var(--quiet); }
.key i { display: inline-block; width: 1.4rem; border-top: 2px solid; margin-right: .4rem; vertical-align: middle; }
.key input { accent-color: var(--critical); margin-right: .4rem; vertical-align: -2px; }
body:has(#curves:not(:checked)) polyline { display: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
@media (max-width: 520px) { .grid { grid-template-columns: 1fr; } main { padding: 1.5rem .8rem; } }
`;

/** A whole page around `body`, which is HTML; the gallery's dark style unless another is given. */
export function page(title: string, body: string, style = STYLE): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** A table of plain text cells. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) => row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
