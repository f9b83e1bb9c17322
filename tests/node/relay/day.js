// One user's day with Relay, as in ../clients.mjs: Relay's compiler reads the documents below and writes an artifact
// for each, which Relay's runtime runs. Prints the results as JSON.
// Usage: node relay/day.js URL-OF-GRAPHQL STAFF-TOKEN FOLDER-OF-ARTIFACTS
import { pathToFileURL } from 'node:url';
import relay from 'relay-runtime';

const { Environment, Network, RecordSource, Store, commitMutation, fetchQuery } = relay;
const [url, staffToken, artifacts] = process.argv.slice(2);

/** Returns the artifact of a document. In an app, Relay's plugin for Babel does this. */
async function graphql([document]) {
  const [, name] = document.match(/(?:query|mutation) (\w+)/);
  return (await import(pathToFileURL(`${artifacts}/${name}.graphql.js`))).default;
}

const Signup = await graphql`
  mutation daySignupMutation($input: SignupInput!) {
    signup(input: $input) { __typename ... on AuthPayload { session { id } } ... on UserError { code } }
  }
`;
const Login = await graphql`
  mutation dayLoginMutation($input: LoginInput!) {
    login(input: $input) { __typename ... on AuthPayload { accessToken session { id } } }
  }
`;
const Both = await graphql`
  query dayBothQuery { me { email } users(first: 1) @catch(to: RESULT) { totalCount } }
`;
const Page = await graphql`
  query dayPageQuery($after: String) {
    users(first: 2, after: $after) @connection(key: "day_users") {
      edges { node { email } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const LogoutAll = await graphql`mutation dayLogoutAllMutation { logoutAll { endedSessionIds user { id } } }`;
const Viewer = await graphql`query dayViewerQuery { viewer { id } }`;

/** Makes an environment: it has its own cache and sends one access token. */
function environment(token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const network = Network.create(async ({ text }, variables) => {
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: text, variables }) });
    return response.json();
  });
  return new Environment({ network, store: new Store(new RecordSource()) });
}

const query = (from, document, variables = {}) => fetchQuery(from, document, variables).toPromise();
const mutate = (from, mutation, variables = {}) =>
  new Promise((onCompleted, onError) => commitMutation(from, { mutation, variables, onCompleted, onError }));

const nobody = environment();
const input = { email: 'relay@example.org', password: 'correct horse battery' };
const { signup } = await mutate(nobody, Signup, { input });
const again = (await mutate(nobody, Signup, { input })).signup;
const { login } = await mutate(nobody, Login, { input: { identifier: input.email, password: input.password } });

const user = environment(login.accessToken);
const { me, users: refused } = await query(user, Both);
const codes = refused.errors.map(({ extensions }) => extensions.code);

// the cache joins the pages
const staff = environment(staffToken);
let { users } = await query(staff, Page);
while (users.pageInfo.hasNextPage) ({ users } = await query(staff, Page, { after: users.pageInfo.endCursor }));
const emails = users.edges.map(({ node }) => node.email);

const { logoutAll } = await mutate(user, LogoutAll);
const { viewer } = await query(user, Viewer);
const seen = {
  signup: signup.__typename,
  refused: again.code,
  login: login.__typename,
  both: { email: me.email, users: refused.value ?? null, codes },
  paged: new Set(emails).size === emails.length && emails.includes(input.email) && emails.length > 2,
  ended: logoutAll.endedSessionIds.includes(login.session.id),
  viewer,
};
console.log(JSON.stringify(seen));
