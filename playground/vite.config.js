import { readdirSync, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// Every folder with an index.html is a page.
const pages = readdirSync('.').map((folder) => `${folder}/index.html`).filter(existsSync);

// GraphiQL's style sheet contains fonts for all scripts, which would make up a hundredth of the program. Without them, its pages use those
// of the system. Monaco brings its own icons.
const systemFonts = {
  name: 'system-fonts',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('/graphiql/dist/style.css')) return null;
    return code.replaceAll(/@font-face\s*\{[^}]*data:font[^}]*\}/g, '').replaceAll(/(["'])Roboto\1/g, 'system-ui');
  },
};

export default defineConfig({
  plugins: [systemFonts],
  experimental: {
    // The server may be at any path. Pages load files from the `playground` folder beside them, and those load their neighbors.
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `playground/${file}` : { relative: true }),
  },
  resolve: {
    alias: [{ find: /^\.{1,2}\/.*\bdompurify\/dompurify\.js$/, replacement: resolve('graphiql/dompurify.js') }],
  },
  logLevel: 'error',
  build: {
    outDir: process.env.PAGES ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { input: pages },
  },
  worker: { format: 'es' },
});
