// One user's day with a third-party GraphQL client: sign up, sign in, a refused field beside a good one, paging, sign out.
// Prints what was seen, as JSON.
// Usage: node clients.mjs apollo|urql|graphql-request URL-OF-GRAPHQL STAFF-TOKEN
import { parse } from 'graphql';

const [name, url, staffToken] = process.argv.slice(2);
if (!staffToken) {
  console.error('usage: node clients.mjs apollo|urql|graphql-request URL-OF-GRAPHQL STAFF-TOKEN');
  process.exit(2);
}

/** Each makes a function that runs a document and returns `{ data, codes }`: the data, and the codes of top-level errors. */
const CLIENTS = {
  async apollo() {
    const { ApolloClient, HttpLink, InMemoryCache } = await import('@apollo/client');
    const { CombinedGraphQLErrors } = await import('@apollo/client/errors');
    const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });
    return async (text, variables, token) => {
      const document = parse(text);
      const options = { variables, errorPolicy: 'all', context: { headers: token ? { authorization: `Bearer ${token}` } : {} } };
      const isQuery = document.definitions[0].operation === 'query';
      const { data, error } = isQuery
        ? await client.query({ query: document, fetchPolicy: 'network-only', ...options })
        : await client.mutate({ mutation: document, ...options });
      if (error && !CombinedGraphQLErrors.is(error)) throw error;
      return { data, codes: (error?.errors ?? []).map(({ extensions }) => extensions.code), cached: () => client.extract() };
    };
  },
  async urql() {
    const { createClient, fetchExchange } = await import('@urql/core');
    const client = createClient({ url, exchanges: [fetchExchange], preferGetMethod: false });
    return async (text, variables, token) => {
      const context = { fetchOptions: { headers: token ? { authorization: `Bearer ${token}` } : {} } };
      const isQuery = text.trim().startsWith('query');
      const { data, error } = await (isQuery ? client.query(text, variables, context) : client.mutation(text, variables, context)).toPromise();
      if (error?.networkError) throw error.networkError;
      return { data, codes: (error?.graphQLErrors ?? []).map(({ extensions }) => extensions.code) };
    };
  },
  async 'graphql-request'() {
    const { GraphQLClient } = await import('graphql-request');
    return async (text, variables, token) => {
      const client = new GraphQLClient(url, { errorPolicy: 'all', headers: token ? { authorization: `Bearer ${token}` } : {} });
      const { data, errors } = await client.rawRequest(text, variables);
      return { data, codes: (errors ?? []).map(({ extensions }) => extensions.code) };
    };
  },
};

const run = await CLIENTS[name]();
const SIGNED_IN = `__typename ... on AuthPayload { accessToken user { id } session { id } } ... on UserError { code message fields { field code } }`;
const input = { email: `${name}@example.org`, password: 'correct horse battery' };
const seen = {};

const { data: { signup } } = await run(`mutation Signup($input: SignupInput!) { signup(input: $input) { ${SIGNED_IN} } }`, { input });
seen.signup = signup.__typename;
const again = await run(`mutation Signup($input: SignupInput!) { signup(input: $input) { ${SIGNED_IN} } }`, { input });
seen.refused = again.data.signup.code;
const { data: { login } } = await run(`mutation Login($input: LoginInput!) { login(input: $input) { ${SIGNED_IN} } }`, {
  input: { identifier: input.email, password: input.password },
});
seen.login = login.__typename;
const token = login.accessToken;

const both = await run('query Both { me { id email } users(first: 1) { totalCount } }', {}, token);
seen.both = { email: both.data.me.email, users: both.data.users, codes: both.codes };

const PAGE = `query Page($after: String) { users(first: 2, after: $after) { nodes { id email } pageInfo { hasNextPage endCursor } } }`;
const emails = [];
for (let after = null; ;) {
  const { data: { users } } = await run(PAGE, { after }, staffToken);
  emails.push(...users.nodes.map(({ email }) => email));
  if (!users.pageInfo.hasNextPage) break;
  after = users.pageInfo.endCursor;
}
seen.paged = new Set(emails).size === emails.length && emails.includes(input.email) && emails.length > 2;

if (name === 'apollo') {
  // the cache follows mutations by ID, without fetching again
  await run('query Me { me { id name hasPassword updatedAt sessions { id } } }', {}, token);
  const update = 'mutation Update($input: UpdateProfileInput!) { updateProfile(input: $input) { ... on User { id name updatedAt } } }';
  const { cached } = await run(update, { input: { name: 'Ada Lovelace' } }, token);
  seen.cachedName = cached()[`User:${login.user.id}`].name;
  const change = `mutation Change($input: ChangePasswordInput!) { changePassword(input: $input) { __typename
    ... on PasswordChanged { endedSessionIds user { id hasPassword sessions { id } } } } }`;
  const passwords = { currentPassword: input.password, newPassword: 'staple horse correct' };
  const changed = await run(change, { input: passwords }, token);
  seen.cachedSessions = changed.cached()[`User:${login.user.id}`].sessions.map(({ __ref }) => __ref === `Session:${login.session.id}`);
  seen.endedSessions = changed.data.changePassword.endedSessionIds.length;
}

const { data: { logoutAll } } = await run('mutation LogoutAll { logoutAll { endedSessionIds user { id } } }', {}, token);
seen.ended = logoutAll.endedSessionIds.includes(login.session.id);
const { data: { viewer } } = await run('query Viewer { viewer { id } }', {}, token);
seen.viewer = viewer;
console.log(JSON.stringify(seen));
process.exit(0);
