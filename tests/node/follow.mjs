// Follows an account's events with npm's graphql-ws, across the expiry of an access token until the session ends.
// Prints `{ closes, kinds }`: how connections were closed, and which events arrived.
// Usage: node follow.mjs URL-OF-GRAPHQL REFRESH-TOKEN
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const [url, firstToken] = process.argv.slice(2);
if (!firstToken) {
  console.error('usage: node follow.mjs URL-OF-GRAPHQL REFRESH-TOKEN');
  process.exit(2);
}

async function run(query, variables, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

let refreshToken = firstToken;
async function freshToken() {
  const query = 'mutation($token: String) { refresh(refreshToken: $token) { ... on AuthPayload { accessToken refreshToken } } }';
  const { refresh } = await run(query, { token: refreshToken });
  refreshToken = refresh.refreshToken;
  return refresh.accessToken;
}

const act = async (mutation) => run(`mutation { ${mutation} }`, {}, { authorization: `Bearer ${await freshToken()}` });

const closes = [];
const kinds = [];
let connections = 0;
let over;
const isOver = new Promise((resolve) => { over = resolve; });
const client = createClient({
  url: url.replace('http:', 'ws:'),
  webSocketImpl: WebSocket,
  // called before every connection
  connectionParams: async () => ({ accessToken: await freshToken() }),
  retryWait: async () => {},
  // the server closes first
  lazyCloseTimeout: 5000,
  on: {
    connected: () => { connections += 1; },
    closed: ({ code, reason }) => {
      closes.push([code, reason]);
      if (reason === 'REVOKED') over();
    },
  },
});

const late = setTimeout(() => { throw new Error(JSON.stringify({ connections, closes, kinds })); }, 60000);
const until = async (condition) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
};
const following = (async () => {
  for await (const { data } of client.iterate({ query: 'subscription { sessionEvents { kind } }' })) {
    kinds.push(data.sessionEvents.kind);
  }
})();
await until(() => connections >= 2);
while (kinds.length === 0) {
  // a subscriber is not notified when the subscription is active
  await act('updateProfile(input: { bio: "x" }) { __typename }');
  await new Promise((resolve) => setTimeout(resolve, 100));
}
await act('logout { endedSessionIds }');
await following;
await isOver;
clearTimeout(late);
console.log(JSON.stringify({ closes: [closes[0], closes.at(-1)], kinds: [...new Set(kinds)] }));
await client.dispose();
