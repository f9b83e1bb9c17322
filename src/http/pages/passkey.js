// Passkeys, on the pages that sign in.
const { hostname } = location;
const { rpId } = document.documentElement.dataset;

/** Whether passkeys work on this page, in this browser. */
export const hasPasskeys = Boolean(rpId)
  && (hostname === rpId || hostname.endsWith(`.${rpId}`))
  && typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function'
  && 'toJSON' in PublicKeyCredential.prototype;

export const NO_PASSKEY = 'No passkey was used. Try again.';

/** Asks the browser for a passkey. Returns the credential, or `null` if the person canceled or has no passkey here. */
export async function passkey(options) {
  try {
    const used = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    return used.toJSON();
  } catch {
    return null;
  }
}
