// How GraphiQL reaches the API: over HTTP, and over WebSocket for what goes on.
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { createStore } from './store.js';
import { authorization, take } from './session.js';

/** The answer that came last, `{ operationName, data, errors }`, for a hint of what to do next. */
export const lastAnswer = createStore(null);

/** The operation that was refused last for want of a proof, to be run again after it. */
export const refused = createStore(null);

/** Sends one operation with the headers given; whoever is signed in is added, unless they say who asks themselves. */
export async function send(request, headers = {}) {
  const saysWho = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  const response = await fetch('graphql', {
    method: 'POST',
    body: JSON.stringify(request),
    headers: {
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      'Content-Type': 'application/json',
      ...(!saysWho && authorization()),
      ...headers,
    },
  });
  return response.json();
}

/** GraphiQL's own. */
export async function fetcher(request, { headers } = {}) {
  if (request.operationName === 'IntrospectionQuery') return send(request);
  const chosen = choose(request);
  // the name is that of the tab before, for a moment after another is opened
  const named = { ...request, operationName: chosen?.name?.value ?? request.operationName };
  if (chosen?.operation === 'subscription') return subscribe(named, headers);
  const answer = await send(named, headers);
  take(request.variables, answer);
  if (Object.values(answer.data ?? {})[0]?.code === 'REAUTHENTICATION_REQUIRED') refused.set(named.operationName);
  lastAnswer.set({ operationName: named.operationName, ...answer });
  return answer;
}

/** The operation that is meant: the only one, or the one of that name. None in a text that is no document. */
function choose({ query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? operations[0] : operations.find(({ name }) => name?.value === operationName);
  } catch {
    return undefined;
  }
}

/** The events of a subscription, until GraphiQL stops it. */
function subscribe(request, headers) {
  const url = new URL('graphql', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient({ url: url.href, connectionParams: () => ({ ...authorization(), ...headers }) });
  return client.iterate(request);
}
