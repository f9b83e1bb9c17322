import { readdirSync, existsSync } from 'node:fs';
import { defineConfig } from 'vite';

// every folder with an index.html is a page
const pages = readdirSync('.').map((folder) => `${folder}/index.html`).filter(existsSync);

export default defineConfig({
  base: '/playground/',
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
