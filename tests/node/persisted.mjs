// Apollo Client with persisted queries from a manifest.
// Usage: node persisted.mjs manifest          prints the manifest
//        node persisted.mjs run URL           runs its operations, and prints the results as JSON
import { createHash } from 'node:crypto';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { print } from '@apollo/client/utilities';

const [mode, url] = process.argv.slice(2);
const OPERATIONS = {
  Signup: gql`
    mutation Signup($input: SignupInput!) {
      signup(input: $input) { ... on AuthPayload { accessToken user { id email } } ... on UserError { code } }
    }`,
  Viewer: gql`query Viewer { viewer { id email } }`,
};

const cache = new InMemoryCache();
// the text that Apollo Client sends: its cache adds `__typename`
const sent = (document) => print(cache.transformDocument(document));
const hash = (text) => createHash('sha256').update(text).digest('hex');

if (mode === 'manifest') {
  const operations = Object.entries(OPERATIONS).map(([name, document]) => {
    const body = sent(document);
    return { id: hash(body), name, type: document.definitions[0].operation, body };
  });
  console.log(JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }));
} else {
  let texts = 0;
  const counted = (address, options) => {
    if (JSON.parse(options.body).query) texts += 1;
    return fetch(address, options);
  };
  const persisted = new PersistedQueryLink({ sha256: hash });
  const client = new ApolloClient({ cache, link: persisted.concat(new HttpLink({ uri: url, fetch: counted })) });
  const input = { email: 'apollo@example.org', password: 'correct horse battery' };
  const { data: { signup } } = await client.mutate({ mutation: OPERATIONS.Signup, variables: { input } });
  const headers = { authorization: `Bearer ${signup.accessToken}` };
  const { data: { viewer } } = await client.query({ query: OPERATIONS.Viewer, context: { headers } });
  console.log(JSON.stringify({ signup: signup.__typename, viewer: viewer.email, texts }));
}
