// An authenticator in software, as the browser's `navigator.credentials` would reach it: makes and uses passkeys (ES256, attestation
// "none") whose user is always verified. Options and results are in JSON.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const sha256 = (data) => createHash('sha256').update(data).digest();
const base64url = (data) => Buffer.from(data).toString('base64url');

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

export class Authenticator {
  constructor(origin) {
    this.origin = origin;
    this.credentials = [];
  }

  create({ rp, user, challenge }) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const credential = { id: randomBytes(32), rpId: rp.id, userHandle: user.id, privateKey };
    this.credentials.push(credential);
    const { x, y } = publicKey.export({ format: 'jwk' });
    // CBOR: { 1: 2, 3: -7, -1: 1, -2: x, -3: y }
    const key = ['a5010203262001215820', Buffer.from(x, 'base64url'), '225820', Buffer.from(y, 'base64url')];
    const data = this.data(rp.id, HAS_CREDENTIAL, ['00'.repeat(16), '0020', credential.id, ...key]);
    // CBOR: { fmt: "none", attStmt: {}, authData: bytes }
    const head = ['a3', '63', Buffer.from('fmt'), '64', Buffer.from('none'), '67', Buffer.from('attStmt'), 'a0', '68', Buffer.from('authData')];
    const response = {
      clientDataJSON: base64url(this.clientData('webauthn.create', challenge)),
      attestationObject: base64url(bytes([...head, '58', Buffer.from([data.length]), data])),
      transports: ['internal'],
    };
    return this.result(credential, response);
  }

  get({ rpId, challenge, allowCredentials = [] }) {
    const isAllowed = ({ id }) => allowCredentials.length === 0 || allowCredentials.some((allowed) => allowed.id === base64url(id));
    const credential = this.credentials.findLast((credential) => credential.rpId === rpId && isAllowed(credential));
    if (!credential) throw new Error('no passkey');
    const [clientData, data] = [this.clientData('webauthn.get', challenge), this.data(rpId, 0, [])];
    const response = {
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(data),
      signature: base64url(sign('sha256', Buffer.concat([data, sha256(clientData)]), credential.privateKey)),
      userHandle: credential.userHandle,
    };
    return this.result(credential, response);
  }

  clientData(type, challenge) {
    return JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false });
  }

  /** Returns the authenticator data, with a signature counter of 0 as synced passkeys have. */
  data(rpId, flags, more) {
    return bytes([sha256(rpId), Buffer.from([USER_PRESENT | USER_VERIFIED | flags]), '00000000', ...more]);
  }

  result({ id }, response) {
    return { id: base64url(id), rawId: base64url(id), type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response };
  }
}

/** Joins bytes, some of them in hexadecimal. */
function bytes(parts) {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));
}
