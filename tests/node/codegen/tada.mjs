// Generates the types of the schema for gql.tada, as its command `generate-output` does. The command itself does not
// run with TypeScript 7: https://github.com/0no-co/gql.tada/issues/572
// Usage: node codegen/tada.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import { load, minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal';

const { introspection } = await load({ origin: '../../schema.graphql' }).load();
const options = { fileType: '.d.ts', shouldPreprocess: true };
const types = outputIntrospectionFile(minifyIntrospection(introspection), options);
mkdirSync('codegen/generated', { recursive: true });
writeFileSync('codegen/generated/tada.d.ts', types);
