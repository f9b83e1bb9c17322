import type { Document } from './document';
import { Fault } from './fault';

/** The maximum duration of a request, in milliseconds. The server responds within ten seconds, if only with an error. */
const TIME_LIMIT = 12_000;

/** Sends an operation, and returns its data. */
export type Post = <Result, Variables>(
  document: Document<Result, Variables>,
  variables: Variables,
  accessToken?: string,
) => Promise<Result>;

export function poster(url: string, isCookie: boolean): Post {
  return async (document, variables, accessToken) => {
    const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
    if (accessToken) headers['authorization'] = `Bearer ${accessToken}`;
    if (isCookie) headers['x-token-delivery'] = 'cookie';
    const body = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: document.toString(), variables }),
      credentials: isCookie ? 'include' : 'omit',
      // not every environment has this function
      signal: AbortSignal.timeout?.(TIME_LIMIT) ?? null,
    })
      .then((answer) => answer.json())
      .catch(() => undefined);
    const [error] = body?.errors ?? [];
    if (error) throw new Fault(error.extensions?.code, error.message, error.extensions?.retryAfter);
    if (!body?.data) throw new Fault('UNREACHABLE', 'The server does not respond.');
    return body.data;
  };
}
