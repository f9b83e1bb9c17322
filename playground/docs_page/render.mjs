// Writes the documentation as pages beside what Vite built: `docs.html`, the list of pages, and `docs/<page>.html`. They
// need no JavaScript. Each page is wrapped in this folder's `index.html`, as built by Vite.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from './markdown.mjs';

const INDEX = 'docs/README.md';
/** Pages that are kept outside `docs`, in a folder that people copy. */
const ELSEWHERE = { 'client/README.md': 'typescript-client' };

const built = process.env.PAGES ?? 'dist';
const frame = readFileSync(join(built, 'docs_page/index.html'), 'utf8');

/** Returns the name of the page that is made from a file, or `undefined` if no page is made from it. */
function pageOf(file) {
  return ELSEWHERE[file] ?? file.match(/^docs\/([a-z-]+)\.md$/)?.[1];
}

/** The files in the order in which the list of pages links to them. */
const index = readFileSync(INDEX, 'utf8');
const files = [...index.matchAll(/\]\(([^)#:]+\.md)\)/g)].map(([, target]) => join('docs', target)).filter(pageOf);

/**
 * Returns a function that maps a file to the relative address of its page. `root` leads from the current page to the server's
 * root: `''` from `/docs`, `'../'` from the other pages.
 */
function from(root) {
  return (file) => {
    if (file === INDEX) return `${root}docs`;
    return pageOf(file) && `${root}docs/${pageOf(file)}`;
  };
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function write(path, root, file) {
  const addressOf = from(root);
  const { title, html, sections } = render(readFileSync(file, 'utf8'), file, addressOf);
  const items = files.map((other) => {
    const current = other === file ? ' aria-current="page"' : '';
    const link = `<a href="${addressOf(other)}"${current}>${escape(titles.get(other))}</a>`;
    const within = sections.map(({ id, name }) => `<li><a href="#${id}">${escape(name)}</a></li>`).join('');
    return `<li>${link}${current && within && `<ul>${within}</ul>`}</li>`;
  });
  const parts = { title: escape(title), content: html, pages: `<ul>${items.join('\n')}</ul>`, root: root || './' };
  const page = frame.replaceAll('href="playground/', `href="${root}playground/`);
  writeFileSync(join(built, path), page.replace(/\{(\w+)\}/g, (_, part) => parts[part]));
}

const titles = new Map(files.map((file) => [file, render(readFileSync(file, 'utf8'), file, from('')).title]));
mkdirSync(join(built, 'docs'));
write('docs.html', '', INDEX);
for (const file of files) write(`docs/${pageOf(file)}.html`, '../', file);
rmSync(join(built, 'docs_page'), { recursive: true });
