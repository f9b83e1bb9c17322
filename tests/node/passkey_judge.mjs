// Judges passkey ceremonies with @simplewebauthn/server. Reads them from standard input as a JSON list, as
// `tests/api/support/passkeys/ceremonies` makes them, and prints a JSON list of { accepted, reason }.
// Usage: node passkey_judge.mjs < CEREMONIES
import { text } from 'node:stream/consumers';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { verifySignature } from '@simplewebauthn/server/helpers';

// An ECDSA signature with r and s of 1, which is right for no message here.
const SIGNATURE = new Uint8Array([0x30, 6, 2, 1, 1, 2, 1, 1]);

// The steps 5 and 6 of §7.2, which the library leaves to its caller.
function find({ response, stored: { records, allowed } }) {
  const record = records.find(({ credentialId }) => credentialId === response.id);
  if (!record) {
    throw new Error('unknown credential');
  }
  if (allowed.length > 0 && !allowed.includes(response.id)) {
    throw new Error('not an allowed credential');
  }
  const { userHandle } = response.response;
  if (userHandle === undefined ? allowed.length === 0 : userHandle !== record.userHandle) {
    throw new Error('not the owner of the credential');
  }
  return record;
}

// Throws if a new key cannot be used: the library finds out at the first authentication.
async function checkKey({ verified, registrationInfo }) {
  const { publicKey } = registrationInfo.credential;
  await verifySignature({ credentialPublicKey: publicKey, signature: SIGNATURE, data: new Uint8Array() });
  return { verified };
}

async function verify(ceremony) {
  const { kind, response, challenge, origins, rpId, requireUserVerification, algorithms } = ceremony;
  const expected = {
    response,
    expectedChallenge: challenge,
    expectedOrigin: origins,
    expectedRPID: rpId,
    requireUserVerification,
  };
  if (kind === 'registration') {
    const result = await verifyRegistrationResponse({ ...expected, supportedAlgorithmIDs: algorithms });
    return result.verified ? checkKey(result) : result;
  }
  const record = find(ceremony);
  const credential = {
    id: record.credentialId,
    publicKey: new Uint8Array(Buffer.from(record.publicKey, 'base64url')),
    counter: record.signCount,
  };
  return verifyAuthenticationResponse({ ...expected, credential });
}

async function judge(ceremony) {
  try {
    const { verified } = await verify(ceremony);
    return { accepted: verified, reason: verified ? '' : 'the signature is wrong' };
  } catch (error) {
    return { accepted: false, reason: String(error) };
  }
}

const ceremonies = JSON.parse(await text(process.stdin));
const verdicts = [];
for (const ceremony of ceremonies) {
  verdicts.push(await judge(ceremony));
}
console.log(JSON.stringify(verdicts));
