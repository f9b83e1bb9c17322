// One user's day with genql, as in ../clients.mjs: requests are objects, with types generated from the schema.
import { createClient, GenqlError } from './generated/genql';

const signedIn = {
  __typename: true,
  on_AuthPayload: { accessToken: true, session: { id: true, createdAt: true } },
  on_UserError: { code: true, message: true, fields: { field: true, code: true } },
} as const;

export async function day(url: string, staffToken: string) {
  const as = (token?: string) => createClient({ url, headers: token ? { authorization: `Bearer ${token}` } : {} });

  const input = { email: 'genql@example.org', password: 'correct horse battery' };
  const { signup } = await as().mutation({ signup: { __args: { input }, ...signedIn } });
  const again = (await as().mutation({ signup: { __args: { input }, ...signedIn } })).signup;
  const credentials = { identifier: input.email, password: input.password };
  const { login } = await as().mutation({ login: { __args: { input: credentials }, ...signedIn } });
  if (login.__typename !== 'AuthPayload') throw new Error(login.__typename);
  const user = as(login.accessToken);

  // genql throws a top-level error, which contains the other fields' data
  const both = await user.query({ me: { email: true }, users: { __args: { first: 1 }, totalCount: true } }).then(
    (data) => ({ data, codes: [] }),
    (error) => {
      if (!(error instanceof GenqlError)) throw error;
      return { data: error.data, codes: error.errors.map(({ extensions }) => extensions?.['code']) };
    },
  );

  const emails: (string | null)[] = [];
  const page = async (after: string | null) => {
    const fields = { nodes: { email: true }, pageInfo: { hasNextPage: true, endCursor: true } };
    return (await as(staffToken).query({ users: { __args: { first: 2, after }, ...fields } })).users;
  };
  let users = await page(null);
  while (users) {
    emails.push(...users.nodes.map(({ email }) => email));
    users = users.pageInfo.hasNextPage ? await page(users.pageInfo.endCursor) : null;
  }

  const { logoutAll } = await user.mutation({ logoutAll: { endedSessionIds: true, user: { id: true } } });
  const { viewer } = await user.query({ viewer: { id: true } });
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
