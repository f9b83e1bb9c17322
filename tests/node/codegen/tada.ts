// One user's day with gql.tada, as in ../clients.mjs: TypeScript infers the types of each document, and urql runs it.
import { type AnyVariables, createClient, fetchExchange, type TypedDocumentNode } from '@urql/core';
import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './generated/tada';

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>();

const SignedIn = graphql(`
  fragment SignedIn on SignInResult @_unmask {
    __typename
    ... on AuthPayload { accessToken session { id createdAt } }
    ... on UserError { code message fields { field code } }
  }
`);
const Signup = graphql('mutation Signup($input: SignupInput!) { signup(input: $input) { ...SignedIn } }', [SignedIn]);
const Login = graphql('mutation Login($input: LoginInput!) { login(input: $input) { ...SignedIn } }', [SignedIn]);
const Both = graphql('query Both { me { id email role } users(first: 1) { totalCount } }');
const Page = graphql(`
  query Page($after: String) {
    users(first: 2, after: $after) { nodes { id email } pageInfo { hasNextPage endCursor } }
  }
`);
const LogoutAll = graphql('mutation LogoutAll { logoutAll { endedSessionIds user { id } } }');
const Viewer = graphql('query Viewer { viewer { id } }');

export async function day(url: string, staffToken: string) {
  const client = createClient({ url, exchanges: [fetchExchange], preferGetMethod: false });

  async function run<Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    token?: string,
  ): Promise<{ data: Data; codes: unknown[] }> {
    const context = { fetchOptions: { headers: token ? { authorization: `Bearer ${token}` } : {} } };
    const isQuery = document.definitions.some((part) => 'operation' in part && part.operation === 'query');
    const sent = isQuery ? client.query(document, variables, context) : client.mutation(document, variables, context);
    const { data, error } = await sent.toPromise();
    if (data == null) throw error;
    return { data, codes: (error?.graphQLErrors ?? []).map(({ extensions }) => extensions['code']) };
  }

  const input = { email: 'gql.tada@example.org', password: 'correct horse battery' };
  const { signup } = (await run(Signup, { input })).data;
  const again = (await run(Signup, { input })).data.signup;
  const credentials = { identifier: input.email, password: input.password };
  const { login } = (await run(Login, { input: credentials })).data;
  if (login.__typename !== 'AuthPayload') throw new Error(login.__typename);
  const both = await run(Both, {}, login.accessToken);

  const emails: (string | null)[] = [];
  const page = async (after: string | null) => (await run(Page, { after }, staffToken)).data.users;
  let users = await page(null);
  while (users) {
    emails.push(...users.nodes.map(({ email }) => email));
    users = users.pageInfo.hasNextPage ? await page(users.pageInfo.endCursor) : null;
  }

  const { logoutAll } = (await run(LogoutAll, {}, login.accessToken)).data;
  const { viewer } = (await run(Viewer, {}, login.accessToken)).data;
  return {
    signup: signup.__typename,
    refused: again.__typename === 'UserError' && again.code,
    login: login.__typename,
    both: { email: both.data.me.email, users: both.data.users, codes: both.codes },
    paged: new Set(emails).size === emails.length && emails.includes(input.email) && emails.length > 2,
    ended: logoutAll.endedSessionIds.includes(login.session.id),
    viewer,
  };
}
