// The tabs: one for each file of `operations/`, in the order of their names. The first digit is the part that they belong to.

const PARTS = {
  1: 'First steps',
  2: 'Without the password',
  3: 'Your account',
  4: 'Protected fields',
  5: 'Forms and proofs',
  6: 'Google',
  7: 'Staff',
};

const files = import.meta.glob('../operations/*', { query: '?raw', import: 'default', eager: true });

/** `{ name, part, about, query, variables }`, where `variables` are a template. */
export const OPERATIONS = Object.keys(files).filter((path) => path.endsWith('.graphql')).sort().map((path) => {
  const query = files[path];
  const lines = query.split('\n');
  return {
    name: /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1],
    part: PARTS[path.split('/').pop()[0]],
    about: lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2)).join(' '),
    query,
    variables: files[path.replace('.graphql', '.json')] ?? '',
  };
});

/** The tab of an operation. */
export function operation(name) {
  return OPERATIONS.find((operation) => operation.name === name);
}

/** The tab after it. */
export function next(name) {
  return OPERATIONS[OPERATIONS.findIndex((operation) => operation.name === name) + 1];
}
