// SPDX-License-Identifier: BSD-2-Clause
// manuals.mjs: manual pages for man(1), made from the pages in docs: `node tools/dev/setup/manuals.mjs` writes man/*.1.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './common.mjs';

const { bin, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));

/** The programs: each has a page of its name in docs, or that of another which it is a part of. */
export const MANUALS = Object.keys(bin);
const PART_OF = { dnctl: 'ipfw' };

/** Where a program's page is, from the root. */
export const pageOf = (name) => path.join('docs', `${PART_OF[name] ?? name}.md`);

const text = (value) => ({ type: 'text', value });

/** A row of a table as an item: its first cell, then the others; a third or later one behind its title. */
function itemOf(cells, titles) {
  const words = cells.flatMap(({ children }, i) => {
    if (i === 0) return [{ type: 'strong', children }];
    if (children.length === 0) return [];
    const title = i > 1 && titles[i] ? `; ${titles[i]}: ` : ': ';
    return [text(title), ...children];
  });
  return { type: 'listItem', spread: false, children: [{ type: 'paragraph', children: words }] };
}

const wordsOf = (cell) => cell.children.map(({ value = '' }) => value).join('');

/** Tables become lists: cells that are long would make them wider than any terminal. Links lead nowhere: their words stay. */
function fit(node) {
  node.children = node.children?.map((child) => {
    if (child.type === 'link') return { type: 'emphasis', children: child.children };
    if (child.type !== 'table') return fit(child);
    const [head, ...rows] = child.children;
    const titles = head.children.map(wordsOf);
    const children = rows.map((row) => fit(itemOf(row.children, titles)));
    return { type: 'list', ordered: false, spread: false, children };
  });
  return node;
}

/** The page's first sentence, for the line of its name. */
const descriptionOf = (page) =>
  /^[A-Z][^#|]*?(?=[.:]\s)/m.exec(page)[0].replaceAll(/\s+/g, ' ').replaceAll(/[`*]/g, '');

/** Write man/NAME.1 for each program. */
export async function makeManuals() {
  const [{ unified }, { default: parse }, { default: tables }, { default: man }] = await Promise.all(
    ['unified', 'remark-parse', 'remark-gfm', 'remark-man'].map((name) => import(name)),
  );
  const folder = path.join(root, 'man');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  for (const name of MANUALS) {
    const page = fs.readFileSync(path.join(root, pageOf(name)), 'utf8');
    const about = {
      name,
      section: 1,
      description: descriptionOf(page),
      version: `netvale ${version}`,
      manual: 'netvale',
    };
    const made = await unified()
      .use(parse)
      .use(tables)
      .use(() => fit)
      .use(man, about)
      .process(page);
    fs.writeFileSync(path.join(folder, `${name}.1`), String(made));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeManuals();
