// The connection of GraphiQL to the API: HTTP, and WebSocket for subscriptions.
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { fill, missing } from './known.js';
import { look } from './mailbox.js';
import { source } from './operations.js';
import { authorization, known, take } from './session.js';
import { createStore } from './store.js';

/** The last response, `{ operationName, data, errors }`, which the hint on the next step is based on. */
export const lastAnswer = createStore(null);

/** The last operation that lacked a session, a reauthentication or a value. The tour returns to it. */
export const interrupted = createStore(null);

/** The names of the operations that have succeeded. */
export const done = createStore([], 'gatehouse:done');

/** The values that an email or the authenticator app provides a moment later. */
const AWAITED = ['code', 'loginToken', 'resetToken', 'activationToken', 'reauthenticationCode', 'enrolmentCode', 'totp'];

/** How many times the mailbox is read for an awaited value, and the milliseconds between two reads. */
const LOOKS = 20;
const EVERY = 300;

/** The codes of refusals after which the tour returns to an operation. */
const INTERRUPTIONS = ['UNAUTHENTICATED', 'REAUTHENTICATION_REQUIRED', 'ENROLMENT_REQUIRED'];

/** The response to an operation that requires a session, if there is none. */
const SIGNED_OUT = refusal('Sign in first.', { code: 'UNAUTHENTICATED', reason: 'MISSING' });

/** The code with which the server closes a connection if its access token is invalid or has expired. */
const FORBIDDEN = 4403;

/** Sends an operation with these headers. Adds the access token, unless they have an `Authorization` header of their own. */
export async function send(request, headers = {}) {
  const response = await fetch('graphql', {
    method: 'POST',
    body: JSON.stringify(request),
    headers: {
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      'Content-Type': 'application/json',
      ...(!saysWho(headers) && authorization()),
      ...headers,
    },
  }).catch(() => undefined);
  if (!response) return refusal('The server is not responding. Is it running?');
  return response.json().catch(() => refusal(`The server responded with status ${response.status} instead of a GraphQL response.`));
}

function saysWho(headers) {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
}

/** Returns a response that the playground itself makes. */
function refusal(message, extensions) {
  return { errors: [{ message, ...(extensions && { extensions }) }] };
}

/** The fetcher of GraphiQL. */
export async function fetcher(request, { headers = {} } = {}) {
  if (request.operationName === 'IntrospectionQuery') return send(request);
  const chosen = choose(request);
  // just after a tab is opened, the name is still that of the previous tab
  const operationName = chosen?.name?.value ?? request.operationName;
  const { text, names } = await filled(JSON.stringify({ variables: request.variables, headers }), request.query);
  if (names.length > 0) return unfilled(operationName, names);
  const { variables, headers: own } = JSON.parse(text);
  const named = { ...request, variables, operationName };
  if (chosen?.operation === 'subscription') return subscribe(named, own);
  const { newestMail } = known.get();
  const answer = await send(named, own);
  take(variables, answer, newestMail);
  return told(operationName, answer);
}

/** Records the response to an operation, and returns it. */
function told(operationName, answer) {
  const [outcome] = Object.values(answer.data ?? {});
  const isRefused = answer.errors || outcome?.__typename === 'UserError';
  if (!isRefused) {
    done.set([...new Set([...done.get(), operationName])]);
    if (interrupted.get() === operationName) interrupted.set(null);
  } else if (INTERRUPTIONS.includes(answer.errors?.[0].extensions?.code ?? outcome?.code)) {
    interrupted.set(operationName);
  }
  lastAnswer.set({ operationName, ...answer });
  return answer;
}

/** Fills in text, waiting a while for awaited values. Returns it, and the names of the placeholders left in it or in the document. */
async function filled(template, query) {
  for (let looks = 0; ; looks += 1) {
    const text = fill(template, known.get());
    const names = missing(text, query);
    if (!names.some((name) => AWAITED.includes(name)) || looks === LOOKS) return { text, names };
    await look();
    await new Promise((wake) => { setTimeout(wake, EVERY); });
  }
}

/** Refuses to send placeholders, which the server would take for values. */
function unfilled(operationName, names) {
  const list = names.map((name) => `<${name}>`).join(', ');
  if (source(names, known.get())) interrupted.set(operationName);
  const answer = refusal(`Not sent: missing values for ${list}. Enter them, or run the operations that provide them.`);
  lastAnswer.set({ operationName, missing: names, ...answer });
  return answer;
}

/** Returns the chosen operation: the only one, or the one with that name. `undefined` if the text is not a document. */
function choose({ query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? operations[0] : operations.find(({ name }) => name?.value === operationName);
  } catch {
    return undefined;
  }
}

/** Returns the events of a subscription as an observable, which unlike a generator can be stopped while it waits. */
function subscribe(request, headers) {
  const { operationName } = request;
  const params = { ...(!saysWho(headers) && authorization()), ...headers };
  // the server would close the connection without a reason
  if (!saysWho(params)) return told(operationName, SIGNED_OUT);
  const url = new URL('graphql', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient({
    url: url.href,
    connectionParams: params,
    // reports a failure at once instead of after half a minute of retries
    retryAttempts: 0,
    on: { connected: () => told(operationName, { isListening: true }) },
  });
  return {
    subscribe({ next, complete }) {
      const end = (reason) => {
        const answer = wordsFor(reason);
        take(request.variables, answer);
        next(told(operationName, answer));
        complete();
      };
      const stop = client.subscribe(request, { next, complete, error: end });
      return {
        unsubscribe() {
          stop();
          client.dispose();
        },
      };
    },
  };
}

/** Explains why a subscription ended. The browser's event has no message. */
function wordsFor(reason) {
  if (Array.isArray(reason)) return { errors: reason };
  const { code, reason: word } = reason ?? {};
  if (code === FORBIDDEN) {
    return refusal('The server closed the connection: the access token has expired, or its session has ended.', {
      code: 'UNAUTHENTICATED',
      reason: word,
    });
  }
  if (code) return refusal(`The connection was closed (${[code, word].filter(Boolean).join(' ')}). Run the operation again to continue.`);
  return refusal('Cannot connect over WebSocket. Is the server running, and does the proxy in front of it allow WebSockets?');
}
