// How GraphiQL reaches the API: over HTTP, and over WebSocket for what goes on.
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { fill, missing } from './known.js';
import { look } from './mailbox.js';
import { source } from './operations.js';
import { authorization, known, take } from './session.js';
import { createStore } from './store.js';

/** The answer that came last, `{ operationName, data, errors }`, for a hint of what to do next. */
export const lastAnswer = createStore(null);

/** The last operation that lacked something: a session, a proof, a value. The way leads back to it. */
export const interrupted = createStore(null);

/** The names of the operations that have succeeded. */
export const done = createStore([], 'gatehouse:done');

/** How often, and after how many milliseconds each, the mailbox is read for a value that is on its way. */
const LOOKS = 20;
const EVERY = 300;

/** The answer to an operation that needs a session, where there is none. */
const SIGNED_OUT = refusal('Nobody is signed in: sign in first.', { code: 'UNAUTHENTICATED', reason: 'MISSING' });

/** The code that the server closes a connection with whose access token is no good, or no longer. */
const FORBIDDEN = 4403;

/** Sends one operation with the headers given; whoever is signed in is added, unless they say who asks themselves. */
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
  if (!response) return refusal('The server does not answer. Is it running?');
  return response.json().catch(() => refusal(`The server answered ${response.status}, and not in GraphQL.`));
}

function saysWho(headers) {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
}

/** An answer of our own. */
function refusal(message, extensions) {
  return { errors: [{ message, ...(extensions && { extensions }) }] };
}

/** GraphiQL's own. */
export async function fetcher(request, { headers = {} } = {}) {
  if (request.operationName === 'IntrospectionQuery') return send(request);
  const chosen = choose(request);
  // the name is that of the tab before, for a moment after another is opened
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

/** Notes the answer to an operation, and returns it. */
function told(operationName, answer) {
  const [outcome] = Object.values(answer.data ?? {});
  const isRefused = answer.errors || outcome?.__typename === 'UserError';
  if (!isRefused) {
    done.set([...new Set([...done.get(), operationName])]);
    if (interrupted.get() === operationName) interrupted.set(null);
  } else if (answer.errors?.[0].extensions?.code === 'UNAUTHENTICATED' || outcome?.code === 'REAUTHENTICATION_REQUIRED') {
    interrupted.set(operationName);
  }
  lastAnswer.set({ operationName, ...answer });
  return answer;
}

/** Fills in a text; returns it with the names that still lack a value, there or in the document. Waits a while for a mail. */
async function filled(template, query) {
  for (let looks = 0; ; looks += 1) {
    const text = fill(template, known.get());
    const names = missing(text, query);
    if (!names.some((name) => ['code', 'resetToken', 'activationToken'].includes(name)) || looks === LOOKS) return { text, names };
    await look();
    await new Promise((wake) => { setTimeout(wake, EVERY); });
  }
}

/** Refuses to send names in place of values: the server would take them for the values. */
function unfilled(operationName, names) {
  const list = names.map((name) => `<${name}>`).join(', ');
  if (source(names, known.get())) interrupted.set(operationName);
  const answer = refusal(`Not sent: there is no value yet for ${list}. Put one in, or run what gives it.`);
  lastAnswer.set({ operationName, missing: names, ...answer });
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

/** The events of a subscription, as an observable: unlike a generator, it can be stopped while it waits. */
function subscribe(request, headers) {
  const { operationName } = request;
  const params = { ...(!saysWho(headers) && authorization()), ...headers };
  // the server would close the connection without a word
  if (!saysWho(params)) return told(operationName, SIGNED_OUT);
  const url = new URL('graphql', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient({
    url: url.href,
    connectionParams: params,
    // reports a failure at once, rather than after half a minute of retries
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

/** Says why a subscription ended. A browser gives an event, which has no words. */
function wordsFor(reason) {
  if (Array.isArray(reason)) return { errors: reason };
  const { code, reason: word } = reason ?? {};
  if (code === FORBIDDEN) {
    return refusal('The server has ended the connection: the access token has expired, or its session has ended.', {
      code: 'UNAUTHENTICATED',
      reason: word,
    });
  }
  if (code) return refusal(`The connection was closed (${[code, word].filter(Boolean).join(' ')}). Run it again to listen on.`);
  return refusal('The server cannot be reached by WebSocket. Is it running, and does what is in front of it let WebSockets through?');
}
