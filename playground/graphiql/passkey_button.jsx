// The button that asks the browser for a passkey, below the response that needs one.
import { useState } from 'react';
import { ceremonyOf } from './passkeys.js';
import { known } from './session.js';

/** Returns the ceremony that an answer asks for, if any. */
export function ceremonyIn({ data } = {}) {
  const [[field, outcome] = []] = Object.entries(data ?? {});
  return ceremonyOf(field, outcome);
}

export function PasskeyButton({ ceremony: { name, options, isNew, next }, onDone }) {
  const [fault, setFault] = useState('');
  if (/^[\d.]+$|^\[/.test(location.hostname)) {
    const there = new URL(location.href);
    there.hostname = 'localhost';
    return <p>Passkeys do not work at {location.hostname}: <a href={there.href}>open the playground at {there.host}</a>.</p>;
  }
  async function ask() {
    setFault('');
    try {
      const made = await (isNew
        ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }));
      known.set({ ...known.get(), [name]: made.toJSON() });
      onDone(next);
    } catch (error) {
      setFault(`No passkey: ${error.message}`);
    }
  }
  return (
    <>
      {fault && <p>{fault}</p>}
      <button type="button" onClick={ask}>{isNew ? 'Create a passkey' : 'Use a passkey'}</button>
    </>
  );
}
