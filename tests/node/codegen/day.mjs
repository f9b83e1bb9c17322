// Bundles a typed client, because genql's imports have no file extensions, and runs one user's day with it. Prints the
// results as JSON.
// Usage: node codegen/day.mjs tada|genql URL-OF-GRAPHQL STAFF-TOKEN
import { build } from 'esbuild';

const [client, url, staffToken] = process.argv.slice(2);
const outfile = `codegen/generated/js/${client}.js`;
await build({ entryPoints: [`codegen/${client}.ts`], outfile, bundle: true, format: 'esm', platform: 'node' });
const { day } = await import(`./generated/js/${client}.js`);
console.log(JSON.stringify(await day(url, staffToken)));
