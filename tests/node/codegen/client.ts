// An example of a typed client: `__typename` distinguishes the outcomes, and fields are nullable only if necessary.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { LoginDocument, MeDocument } from './generated/graphql.js';

async function run<Data, Variables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  accessToken?: string,
): Promise<Data> {
  const headers = { 'content-type': 'application/json', ...(accessToken && { authorization: `Bearer ${accessToken}` }) };
  const body = JSON.stringify({ query: print(document), variables });
  const response = await fetch(url, { method: 'POST', headers, body });
  const { data } = (await response.json()) as { data: Data };
  return data;
}

/** Signs in, and describes the user or the reason why the sign-in failed. */
export async function whoIs(url: string, identifier: string, password: string): Promise<string> {
  const { login } = await run(url, LoginDocument, { input: { identifier, password } });
  switch (login.__typename) {
    case 'AuthPayload': {
      const { me } = await run(url, MeDocument, {}, login.accessToken);
      const since: string = me.sessions[0]?.createdAt ?? 'never';
      return `${me.email ?? me.id} is a ${me.role.toLowerCase()} since ${since}`;
    }
    case 'EmailChallenge':
      return `verify ${login.email} first`;
    case 'SecondFactorChallenge':
      return 'prove a second factor first';
    default:
      return login.retryAfter === null ? login.message : `${login.code}: wait ${login.retryAfter} s`;
  }
}
