// Verifies an access token with jsonwebtoken, which does not support EdDSA. Prints its claims.
// Usage: node verify_rsa_or_ec.mjs ISSUER ACCESS-TOKEN
import { createPublicKey } from 'node:crypto';
import jwt from 'jsonwebtoken';

const [issuer, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node verify_rsa_or_ec.mjs ISSUER ACCESS-TOKEN');
  process.exit(2);
}

const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const { keys } = await (await fetch(metadata.jwks_uri)).json();
const key = ({ kid }, found) => {
  const jwk = keys.find((one) => one.kid === kid);
  if (jwk) found(null, createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
  else found(new Error(`no key is called ${kid}`));
};
jwt.verify(token, key, { algorithms: ['RS256', 'ES256'], issuer, audience: issuer }, (error, claims) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(JSON.stringify(claims));
});
