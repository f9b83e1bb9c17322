// Turns one Markdown file of the documentation into HTML. Links between pages lead to addresses of the server; links to other
// files of the repository, which the server does not have, become the path of the file.
import { posix } from 'node:path';
import MarkdownIt from 'markdown-it';

const markdown = new MarkdownIt({ html: true });

// omits HTML, which only embeds pictures: readers of these pages can see the running playground itself
markdown.renderer.rules.html_block = () => '';
markdown.renderer.rules.html_inline = () => '';

// a table or code block that is wider than the screen scrolls separately, and can be scrolled with the keyboard
markdown.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>';
markdown.renderer.rules.table_close = () => '</table></div>';
markdown.renderer.rules.fence = (tokens, index) =>
  `<pre tabindex="0"><code>${markdown.utils.escapeHtml(tokens[index].content)}</code></pre>`;

/** The anchor that GitHub gives a heading. */
export function slug(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-');
}

const plain = ({ children }) => children.map(({ content }) => content).join('');

/**
 * The `title`, the `sections` (headings of the second level) and the `html` of a Markdown text. `file` is the path of the text
 * within this folder's parent, and `address` gives the relative address of such a path, or nothing if it is not a page.
 */
export function render(text, file, address) {
  const tokens = markdown.parse(text, {});
  const [sections, used] = [[], new Map()];
  let title;
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'inline') token.children = token.children.flatMap(link(token.children, file, address));
    if (token.type !== 'heading_open') continue;
    const name = plain(tokens[index + 1]);
    title ??= name;
    const times = used.get(slug(name)) ?? 0;
    used.set(slug(name), times + 1);
    const id = times === 0 ? slug(name) : `${slug(name)}-${times}`;
    token.attrSet('id', id);
    if (token.tag === 'h2') sections.push({ id, name });
    if (token.tag !== 'h1') toItself(tokens[index + 1], id);
  }
  return { title, sections, html: markdown.renderer.render(tokens, markdown.options, {}) };
}

/** Makes the text of a heading a link to the heading. */
function toItself(inline, id) {
  const Token = inline.constructor;
  const open = new Token('link_open', 'a', 1);
  open.attrSet('href', `#${id}`);
  inline.children = [open, ...inline.children, new Token('link_close', 'a', -1)];
}

/**
 * Returns a function that maps each token to the tokens that replace it: a link to another page gets that page's address, and a
 * link to any other file becomes the file's path.
 */
function link(all, file, address) {
  let missing;
  return (token, index) => {
    if (token.type === 'link_open') {
      const href = token.attrGet('href');
      if (/^([a-z]+:|#)/.test(href)) return [token];
      const [path, anchor] = href.split('#');
      const target = posix.join(posix.dirname(file), path);
      const page = address(target);
      if (page) {
        token.attrSet('href', anchor ? `${page}#${anchor}` : page);
        return [token];
      }
      missing = posix.join('playground', target);
      return [];
    }
    if (token.type !== 'link_close' || !missing) return [token];
    const code = new token.constructor('code_inline', 'code', 0);
    code.content = missing;
    missing = undefined;
    const [open, close] = [' (', ')'].map((content) => Object.assign(new token.constructor('text', '', 0), { content }));
    // a link whose text is the path says enough
    return all[index - 1].content === code.content ? [] : [open, code, close];
  };
}
