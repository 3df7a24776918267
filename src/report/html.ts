// SPDX-License-Identifier: BSD-2-Clause
// html.ts: a report as one HTML file that needs nothing else: a table of facts and line plots over time, drawn as SVG.

export interface Series {
  name: string;
  /** Rising times in seconds, and values. */
  points: readonly (readonly [seconds: number, value: number])[];
}

export interface Plot {
  title: string;
  /** What values are, as it stands on the axis: "Mbit/s". */
  unit: string;
  series: readonly Series[];
}

export interface HtmlReport {
  title: string;
  facts: readonly (readonly [name: string, value: string])[];
  plots: readonly Plot[];
}

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 80;
const RIGHT = 20;
const TOP = 20;
const BOTTOM = 40;
const COLOURS = ['#1f5fa8', '#c2542d', '#2f8f4e', '#7d4fa3', '#8a6d1d', '#333333'];
const TICKS = 5;

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

function drawPlot({ title, unit, series }: Plot): string {
  const all = series.flatMap(({ points }) => points);
  const xTicks = axisTicks(Math.max(0, ...all.map(([seconds]) => seconds)));
  const yTicks = axisTicks(Math.max(0, ...all.map(([, value]) => value)));
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
  const lines = series.map(({ points }, i) => {
    const path = points.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ');
    return `<polyline fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.5" points="${path}"/>`;
  });
  const legend = series.map(
    ({ name }, i) =>
      `<span><i style="background:${COLOURS[i % COLOURS.length]}"></i>${escapeHtml(name)}</span>`,
  );
  return `<h2>${escapeHtml(title)}</h2>
<p class="legend">${legend.join(' ')}</p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${[...grid, ...lines].join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">seconds</text>
<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(unit)}</text>
</svg>`;
}

const STYLE = `body{font:15px/1.4 sans-serif;max-width:${WIDTH}px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}h2{font-size:1.1em;margin:1.6em 0 0}svg{width:100%;height:auto;font-size:12px}
.grid{stroke:#ddd}td,th{text-align:left;padding:.15em 1em .15em 0;vertical-align:top}
.legend{margin:.2em 0}.legend span{margin-right:1.2em}.legend i{display:inline-block;width:1em;height:.3em;margin:0 .4em .25em 0}`;

/** The whole file. */
export function htmlReport({ title, facts, plots }: HtmlReport): string {
  const rows = facts.map(
    ([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
<table>${rows.join('\n')}</table>
${plots.map(drawPlot).join('\n')}
</body></html>
`;
}
