// Prints the client's size in bytes, minified and compressed, without the code that is generated from the schema.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [new URL('../../playground/client/index.ts', import.meta.url).pathname],
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  external: ['./generated'],
});
console.log(gzipSync(outputFiles[0].contents, { level: 9 }).length);
