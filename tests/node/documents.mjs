// A graphql-codegen plugin that writes each operation as a typed string, with each fragment once. Its setting `client`
// is the path from which the type of these strings is imported. With the setting `errors`, it also writes the codes of
// top-level errors, and the type `ErrorCodeOf` from the directives `@errors` in the schema. With the setting `manifest`, it
// instead writes the same strings as a manifest of trusted documents, in Apollo Client's format.
import { createHash } from 'node:crypto';
import { Kind, print, stripIgnoredCharacters, visit } from 'graphql';

const capitalized = (name) => name[0].toUpperCase() + name.slice(1);
const text = (definition) => stripIgnoredCharacters(print(definition));

/** Returns the codes of top-level errors, and a type of the codes of each root field. */
function errorCodes(schema) {
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((root) => Object.values(root.getFields()));
  const lines = fields.flatMap(({ name, astNode }) => {
    const directive = astNode.directives.find((directive) => directive.name.value === 'errors');
    const codes = directive?.arguments.find((argument) => argument.name.value === 'codes').value.values ?? [];
    return [`  ${name}: ${codes.map(({ value }) => `'${value}'`).join(' | ') || 'never'};`];
  });
  const topLevel = schema.getType('TopLevelErrorCode').getValues().map(({ name }) => `'${name}'`);
  return [
    '/** The codes of top-level errors. */',
    `export const topLevelErrorCodes = [${topLevel.join(', ')}] as const;`,
    '',
    'type ErrorCodes = {',
    ...lines,
    '};',
    '',
    '/** The codes of the errors that a field of the schema may return. */',
    'export type ErrorCodeOf<Field extends keyof ErrorCodes> = ErrorCodes[Field];',
    '',
  ];
}

export function plugin(schema, files, { client, errors, manifest }) {
  const definitions = files.flatMap(({ document }) => document.definitions);
  const fragments = new Map(
    definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((fragment) => [fragment.name.value, fragment]),
  );
  const spread = (definition, found = new Set()) => {
    visit(definition, {
      FragmentSpread({ name: { value } }) {
        if (found.has(value)) return;
        found.add(value);
        spread(fragments.get(value), found);
      },
    });
    return found;
  };
  const all = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (manifest) {
    const operations = all.map((operation) => {
      const body = [operation, ...[...spread(operation)].map((name) => fragments.get(name))].map(text).join('');
      const id = createHash('sha256').update(body).digest('hex');
      return { id, name: operation.name.value, type: operation.operation, body };
    });
    return JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }, null, 2) + '\n';
  }
  const told = [...fragments].map(([name, fragment]) => `const ${name} = '${text(fragment)}';`);
  const operations = all.map((operation) => {
    const name = operation.name.value;
    const type = `${capitalized(name)}${capitalized(operation.operation)}`;
    const parts = [`'${text(operation)}'`, ...spread(operation)];
    // marked as pure, so that bundlers leave out the documents that an app does not use
    const joined = parts.length > 1 ? `/* @__PURE__ */ [${parts.join(', ')}].join('')` : parts[0];
    return `export const ${name}Document = (${joined}) as Document<${type}, ${type}Variables>;`;
  });
  return {
    prepend: [`import type { Document } from '${client}';`],
    content: [...(errors ? errorCodes(schema) : []), ...told, '', ...operations].join('\n'),
  };
}
