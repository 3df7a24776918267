// SPDX-License-Identifier: BSD-2-Clause
// html.ts: a report as one HTML file that needs nothing else: tables, texts and line plots over time, drawn as SVG.

/** How a line is drawn: measured, measured beside the main thing, promised, or one of several of one colour. */
export type LineStyle = 'solid' | 'faint' | 'promised' | 'dash1' | 'dash2' | 'dash3';

export interface Series {
  name: string;
  /** Lines of the same colour belong to one direction: 0, 1; or to none. */
  colour: 0 | 1 | 'none';
  style: LineStyle;
  /** Rising times in seconds, and values; undefined: there was nothing to measure, which is a gap. */
  points: readonly (readonly [seconds: number, value: number | undefined])[];
}

export interface Plot {
  title: string;
  /** What values are, as it stands on the axis: "Mbit/s". */
  unit: string;
  series: readonly Series[];
}

export interface Table {
  title: string;
  /** Heads of the columns; the first is that of the rows' names. */
  head?: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface HtmlReport {
  title: string;
  tables: readonly Table[];
  /** Longer texts under a title: rules. */
  texts: readonly (readonly [title: string, text: string])[];
  plots: readonly Plot[];
}

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 80;
const RIGHT = 20;
const TOP = 20;
const BOTTOM = 40;
const TICKS = 5;
/** So few points are marked each, and so is one that stands alone. */
const MARKED = 20;

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Round values for an axis from 0 to at least `most`: 0, 2, 4, 6, ... */
export function axisTicks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const raw = most / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * (1 - 1e-9))!;
  const ticks: number[] = [];
  for (let i = 0; i === 0 || ticks[i - 1]! < most * (1 - 1e-9); i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Runs of points without a gap between them. */
export function runsOf(points: Series['points']): [number, number][][] {
  const runs: [number, number][][] = [[]];
  for (const [seconds, value] of points)
    if (value === undefined) runs.push([]);
    else runs.at(-1)!.push([seconds, value]);
  return runs.filter((run) => run.length > 0);
}

function drawSeries(
  { colour, style, points }: Series,
  x: (seconds: number) => string,
  y: (value: number) => string,
): string[] {
  const kind = `c-${colour} ${style}`;
  const marked = style !== 'promised' && points.length <= MARKED;
  return runsOf(points).flatMap((run) => [
    ...(run.length > 1
      ? [
          `<polyline class="${kind}" points="${run.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ')}"/>`,
        ]
      : []),
    ...(marked || run.length === 1
      ? run.map(([seconds, value]) => `<circle class="${kind}" cx="${x(seconds)}" cy="${y(value)}" r="2.5"/>`)
      : []),
  ]);
}

const sample = ({ colour, style }: Series): string =>
  `<svg class="sample" viewBox="0 0 30 8"><line class="c-${colour} ${style}" x1="0" x2="30" y1="4" y2="4"/></svg>`;

function drawPlot({ title, unit, series }: Plot): string {
  const all = series.flatMap(({ points }) => points);
  const xTicks = axisTicks(Math.max(0, ...all.map(([seconds]) => seconds)));
  const yTicks = axisTicks(Math.max(0, ...all.map(([, value]) => value ?? 0)));
  const [xMost, yMost] = [xTicks.at(-1)!, yTicks.at(-1)!];
  const x = (seconds: number): string => (LEFT + (seconds / xMost) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string =>
    (HEIGHT - BOTTOM - (value / yMost) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const grid = [
    ...yTicks.map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/>` +
        `<text x="${LEFT - 8}" y="${y(value)}" text-anchor="end" dy="4">${value}</text>`,
    ),
    ...xTicks.map(
      (value) => `<text x="${x(value)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${value}</text>`,
    ),
  ];
  const legend = series.map((one) => `<span>${sample(one)}${escapeHtml(one.name)}</span>`);
  return `<h2>${escapeHtml(title)}</h2>
<p class="legend">${legend.join(' ')}</p>
<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${[...grid, ...series.flatMap((one) => drawSeries(one, x, y))].join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">seconds</text>
<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(unit)}</text>
</svg>`;
}

function drawTable({ title, head, rows }: Table): string {
  const cells = (tag: string, [name, ...values]: readonly string[]): string =>
    `<tr><th>${escapeHtml(name ?? '')}</th>${values.map((value) => `<${tag}>${escapeHtml(value)}</${tag}>`).join('')}</tr>`;
  return `<h2>${escapeHtml(title)}</h2>
<table>
${[...(head ? [cells('th', head)] : []), ...rows.map((row) => cells('td', row))].join('\n')}
</table>`;
}

const LIGHT = '--text:#222;--back:#fff;--grid:#ddd;--c0:#1f5fa8;--c1:#c2542d;--none:#777';
const DARK = '--text:#ddd;--back:#16181b;--grid:#3a3d42;--c0:#6aa9f0;--c1:#f0905f;--none:#999';
const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media(prefers-color-scheme:dark){:root{${DARK}}}
body{font:15px/1.4 sans-serif;max-width:${WIDTH}px;margin:2em auto;padding:0 1em;color:var(--text);background:var(--back)}
h1{font-size:1.4em;overflow-wrap:anywhere}h2{font-size:1.1em;margin:1.6em 0 .2em}
pre{overflow-x:auto;font-size:13px}td{overflow-wrap:anywhere}
td,th{text-align:left;padding:.15em 1em .15em 0;vertical-align:top}
.plot{width:100%;height:auto;font-size:12px}svg text{fill:var(--text)}.grid{stroke:var(--grid)}
.c-0{stroke:var(--c0)}.c-1{stroke:var(--c1)}.c-none{stroke:var(--none)}
polyline,.sample line{fill:none;stroke-width:1.5}circle{stroke:none}circle.c-0{fill:var(--c0)}circle.c-1{fill:var(--c1)}
.faint{opacity:.5}.promised{stroke-dasharray:8 5}.dash1{stroke-dasharray:6 2}.dash2{stroke-dasharray:2 2}.dash3{stroke-dasharray:8 2 2 2}
.legend{margin:.2em 0}.legend span{margin-right:1.2em}.sample{width:30px;height:8px;margin-right:.4em}`;

/** The whole file. */
export function htmlReport({ title, tables, texts, plots }: HtmlReport): string {
  const parts = [
    ...tables.map(drawTable),
    ...plots.map(drawPlot),
    ...texts.map(([name, text]) => `<h2>${escapeHtml(name)}</h2>\n<pre>${escapeHtml(text)}</pre>`),
  ];
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
${parts.join('\n')}
</body></html>
`;
}
