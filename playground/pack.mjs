// Compresses what Vite built, so that the server sends it as it is: `x.js` becomes `x.js.gz`. Pages themselves stay
// readable: they are small, and whoever asks for one by curl sees it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

for (const entry of readdirSync(process.env.PAGES ?? 'dist', { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.isFile() || file.endsWith('.html')) continue;
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  rmSync(file);
}
