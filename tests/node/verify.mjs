// Verifies an access token like another service that knows only the issuer. Prints its claims.
// Usage: node verify.mjs ISSUER ACCESS-TOKEN [ALGORITHM]
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, token, algorithm = 'EdDSA'] = process.argv.slice(2);
if (!token) {
  console.error('usage: node verify.mjs ISSUER ACCESS-TOKEN [ALGORITHM]');
  process.exit(2);
}

const { origin, pathname } = new URL(issuer);
const path = pathname.replace(/\/$/, ''); // RFC 8414 §3.1
const answer = await fetch(`${origin}/.well-known/oauth-authorization-server${path}`);
const metadata = await answer.json();
if (metadata.issuer !== issuer) {
  throw new Error(`the issuer calls itself ${metadata.issuer}`); // RFC 8414 §3.3
}
const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
  algorithms: [algorithm],
  typ: 'at+jwt',
  issuer,
  audience: issuer,
  requiredClaims: ['sub', 'exp'],
});
console.log(JSON.stringify(payload));
