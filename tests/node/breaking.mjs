// Prints the changes between two schemas that break clients, one per line.
// Usage: node breaking.mjs BEFORE AFTER
import { readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges } from 'graphql';

const [before, after] = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, 'utf8')));
for (const { description } of findBreakingChanges(before, after)) console.log(description);
