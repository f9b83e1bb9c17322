// A graphql-codegen plugin that writes each operation as a typed string, with each fragment once. Its setting `client`
// is the path from which the type of these strings is imported.
import { Kind, print, stripIgnoredCharacters, visit } from 'graphql';

const capitalised = (name) => name[0].toUpperCase() + name.slice(1);
const text = (definition) => stripIgnoredCharacters(print(definition));

export function plugin(_schema, files, { client }) {
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
  const told = [...fragments].map(([name, fragment]) => `const ${name} = '${text(fragment)}';`);
  const operations = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).map((operation) => {
    const name = operation.name.value;
    const type = `${capitalised(name)}${capitalised(operation.operation)}`;
    const parts = [`'${text(operation)}'`, ...spread(operation)];
    return `export const ${name}Document = (${parts.join(' + ')}) as Document<${type}, ${type}Variables>;`;
  });
  return {
    prepend: [`import type { Document } from '${client}';`],
    content: [...told, '', ...operations].join('\n'),
  };
}
