// Checks that a server follows the draft specification of GraphQL over HTTP, with the audits of npm's graphql-http.
// Usage: node audit.mjs URL-OF-GRAPHQL
import { serverAudits } from 'graphql-http';

// a missing audit does not count as passed
const EXPECTED = 61;

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node audit.mjs URL-OF-GRAPHQL');
  process.exit(2);
}

let ok = 0;
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  try {
    const result = await audit.fn();
    if (result.status === 'ok') {
      ok += 1;
    } else {
      console.log(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
    }
    await result.response?.body?.cancel().catch(() => {}); // in case the audit did not read it
  } catch (error) {
    console.log(`failed ${audit.id} ${audit.name}: ${error.cause ?? error}`);
  }
}
console.log(`${ok} of ${EXPECTED} audits are ok`);
process.exitCode = ok === EXPECTED ? 0 : 1;
