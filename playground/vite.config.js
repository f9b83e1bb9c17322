import { readdirSync, existsSync } from 'node:fs';
import { defineConfig } from 'vite';

// every folder with an index.html is a page
const pages = readdirSync('.').map((folder) => `${folder}/index.html`).filter(existsSync);

export default defineConfig({
  experimental: {
    // pages are served beside the folder, at whatever path; what they load finds the rest beside itself
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `playground/${file}` : { relative: true }),
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
