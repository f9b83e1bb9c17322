// Compares the server with the reference implementation, graphql-js, on random documents and variables, both valid and
// invalid. Prints `{ cases, executed, refused, spoils, intended, differences }` as JSON.
// Usage: node differential.mjs URL READER WRITER SEED CASES
//
// READER and WRITER are access tokens: queries are sent with READER and mutations with WRITER, so that mutations do not
// affect queries. Both implementations must agree on whether to execute the document. If they execute it, they must
// return the same keys in the same order, with nulls in the same places. graphql-js resolves from complete responses
// recorded from the server. If the server's response has an error at a path, the resolver throws there, so that the
// propagation of errors is compared.
import {
  GraphQLError, execute, getNamedType, isCompositeType, isObjectType, parse, validate,
} from 'graphql';
import { Maker, numbers, schema } from './differential_documents.mjs';

const [url, reader, writer, seed, count] = process.argv.slice(2);
if (!count) {
  console.error('usage: node differential.mjs URL READER WRITER SEED CASES');
  process.exit(2);
}

// Differences that are intended.
const INTENDED = [
  {
    reason: 'a nullable variable for a field of a @oneOf input: GraphQL (September 2025) §5.8.5 refuses it. graphql-js has the rule, but does not apply it if the input object is non-null.',
    is: ({ spoils }, { data }, why) => spoils.includes('nullable variable of one') && data === undefined && why.startsWith('refused'),
  },
];

async function post(body, accessToken = reader) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${accessToken}`,
    },
    body: JSON.stringify(body),
  });
  return answer.json();
}

/** Selects every field of a type that has no arguments, to a limited depth. */
function everything(type, depth = 0) {
  const fields = Object.values(type.getFields()).filter((field) => field.args.length === 0);
  const shown = fields.map((field) => {
    const of = getNamedType(field.type);
    if (!isCompositeType(of)) return field.name;
    return depth < 3 && isObjectType(of) ? `${field.name} ${everything(of, depth + 1)}` : '';
  });
  return `{ ${shown.join(' ')} }`;
}

async function record() {
  const of = (name) => everything(getNamedType(schema.getQueryType().getFields()[name].type));
  const ask = async (field, name) => (await post({ query: `{ ${field} ${of(name)} }` })).data?.[name] ?? null;
  const refused = { __typename: 'UserError', code: 'INVALID_INPUT', message: 'x', fields: [], retryAfter: null };
  return {
    authSettings: await ask('authSettings', 'authSettings'),
    dashboard: await ask('dashboard', 'dashboard'),
    me: await ask('me', 'me'),
    users: await ask('users(first: 3)', 'users'),
    usernameAvailable: { __typename: 'UsernameAvailability', username: 'x', isAvailable: true, suggestion: null },
    postToDashboard: { __typename: 'Dashboard', response: 'x' },
    refused,
  };
}

const recorded = await record();
recorded.user = recorded.viewer = recorded.me;

/** Executes the same operation with graphql-js, with resolvers that fail where the server's did. */
function reference({ query, variables, operationName }, answer) {
  let document;
  try {
    document = parse(query);
  } catch {
    return undefined;
  }
  if (validate(schema, document).length > 0) return undefined;
  const failed = new Set((answer.errors ?? []).map(({ path }) => JSON.stringify(path ?? null)));
  const keys = (path) => (path ? [...keys(path.prev), path.key] : []);
  const fieldResolver = (source, args, _context, { fieldName, path }) => {
    if (failed.has(JSON.stringify(keys(path)))) throw new GraphQLError('refused');
    if (path.prev) return source[fieldName];
    if (fieldName === 'user' && answer.data?.[path.key] === null) return null;
    if (fieldName === 'usernameAvailable' && !/^[\w.-]{3,30}$/.test(args.username.trim())) return recorded.refused;
    return recorded[fieldName] === undefined ? recorded.refused : recorded[fieldName];
  };
  const result = execute({
    schema, document, rootValue: {}, variableValues: variables, operationName, fieldResolver,
    typeResolver: ({ __typename }) => __typename,
  });
  return 'data' in result ? result : undefined;
}

/** Returns where two responses differ in shape, or null. */
function difference(theirs, ours, at = 'data') {
  if (theirs === null || ours === null) return theirs === ours ? null : `${at}: ${ours === null ? 'null here' : 'null in graphql-js'}`;
  if (Array.isArray(theirs)) {
    for (let i = 0; i < Math.min(theirs.length, ours.length); i += 1) {
      const found = difference(theirs[i], ours[i], `${at}.${i}`);
      if (found) return found;
    }
    return null;
  }
  if (typeof theirs !== 'object') return typeof ours === 'object' ? `${at}: an object here` : null;
  const [expected, found] = [Object.keys(theirs), Object.keys(ours)];
  if (expected.join() !== found.join()) return `${at}: keys ${found} here, ${expected} in graphql-js`;
  for (const key of expected) {
    const deeper = difference(theirs[key], ours[key], `${at}.${key}`);
    if (deeper) return deeper;
  }
  return null;
}

const ids = [recorded.me?.id].filter(Boolean);
const result = { cases: 0, executed: 0, refused: 0, spoils: {}, intended: {}, differences: [] };
async function compare(number) {
  const random = numbers(Number(seed) * 1_000_003 + number);
  const maker = new Maker(random, random() < 0.5, ids);
  const made = maker.make();
  const answer = await post(made, maker.kind === 'mutation' ? writer : reader);
  const isExecuted = 'data' in answer;
  const theirs = reference(made, answer);
  result.cases += 1;
  result[isExecuted ? 'executed' : 'refused'] += 1;
  for (const way of maker.spoils) result.spoils[way] = (result.spoils[way] ?? 0) + 1;
  let why = null;
  if (isExecuted !== Boolean(theirs)) why = `${isExecuted ? 'executed' : 'refused'} here alone`;
  else if (theirs && !maker.isLoose) why = difference(theirs.data, answer.data);
  const reason = why && INTENDED.find((intended) => intended.is(maker, answer, why))?.reason;
  if (reason) result.intended[reason] = (result.intended[reason] ?? 0) + 1;
  else if (why) result.differences.push({ number, why, spoils: maker.spoils, ...made, answer });
}

let next = 0;
async function worker() {
  while (next < Number(count)) {
    const number = next;
    next += 1;
    await compare(number);
  }
}
await Promise.all(Array.from({ length: 8 }, worker));
console.log(JSON.stringify(result));
