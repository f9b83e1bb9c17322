// Follows an account's events with npm's graphql-sse until the session ends. Prints the kinds of the events, as JSON.
// Usage: node stream.mjs URL-OF-GRAPHQL ACCESS-TOKEN
import { createClient } from 'graphql-sse';

const [url, accessToken] = process.argv.slice(2);
if (!accessToken) {
  console.error('usage: node stream.mjs URL-OF-GRAPHQL ACCESS-TOKEN');
  process.exit(2);
}

const authorization = `Bearer ${accessToken}`;
const act = (mutation) => fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization },
  body: JSON.stringify({ query: `mutation { ${mutation} }` }),
});

const kinds = [];
const client = createClient({ url, headers: { authorization }, retryAttempts: 0 });
// events are not stored, so the first change is repeated until it is heard
const trying = setInterval(() => act('updateProfile(input: { bio: "hi" }) { __typename }'), 500);
for await (const { data, errors } of client.iterate({ query: 'subscription { sessionEvents { kind } }' })) {
  if (errors) throw new Error(JSON.stringify(errors));
  const { kind } = data.sessionEvents;
  if (kind === 'PROFILE_CHANGED' && kinds.includes(kind)) continue;
  kinds.push(kind);
  if (kind === 'PROFILE_CHANGED') {
    clearInterval(trying);
    await act('logoutAll { endedSessionIds }');
  }
}
console.log(JSON.stringify(kinds));
