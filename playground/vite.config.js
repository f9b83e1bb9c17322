import { readdirSync, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// every folder with an index.html is a page
const pages = readdirSync('.').map((folder) => `${folder}/index.html`).filter(existsSync);

export default defineConfig({
  experimental: {
    // pages are served beside the folder, at whatever path; what they load finds the rest beside itself
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
