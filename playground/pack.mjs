// Compresses the built files, so that the server can send them unchanged: `x.js` becomes `x.js.gz`. HTML stays uncompressed: it
// is small, and readable when fetched with curl.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

for (const entry of readdirSync(process.env.PAGES ?? 'dist', { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.isFile() || file.endsWith('.html')) continue;
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  rmSync(file);
}
