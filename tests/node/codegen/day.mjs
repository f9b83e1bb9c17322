// Bundles a typed client, because genql's imports name no extensions, and runs one user's day with it. Prints what was
// seen, as JSON.
// Usage: node codegen/day.mjs tada|genql URL-OF-GRAPHQL STAFF-TOKEN
import { build } from 'esbuild';

const [client, url, staffToken] = process.argv.slice(2);
const outfile = `codegen/generated/js/${client}.js`;
await build({ entryPoints: [`codegen/${client}.ts`], outfile, bundle: true, format: 'esm', platform: 'node' });
const { day } = await import(`./generated/js/${client}.js`);
console.log(JSON.stringify(await day(url, staffToken)));
