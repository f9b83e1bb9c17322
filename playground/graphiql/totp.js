// The codes of an authenticator app (RFC 6238): six digits, a new code every 30 seconds.

const BASE_32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const STEP = 30_000;

/** Whether codes can be computed here: browsers offer cryptography only over HTTPS and on this machine. */
export const canCompute = globalThis.crypto?.subtle !== undefined;

/** Returns the number of the time step at this time in milliseconds. */
export function stepAt(time) {
  return Math.floor(time / STEP);
}

/** Returns the code of a time step. The secret is in base 32. */
export async function totp(secret, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const key = await crypto.subtle.importKey('raw', bytes(secret), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  const digest = new DataView(await crypto.subtle.sign('HMAC', key, counter));
  const number = digest.getUint32(digest.getUint8(19) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

function bytes(secret) {
  const bits = [...secret].map((letter) => BASE_32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from(bits.match(/.{8}/g), (byte) => Number.parseInt(byte, 2));
}
