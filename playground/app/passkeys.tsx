import type { UserError } from '../client';
import { passkeys, supportsPasskeys, type NoPasskey } from '../client/passkeys';
import type { AuthSettings } from './form/rules';
import { gatehouse } from './gatehouse';
import { impossible } from './words';

export const keys = passkeys(gatehouse);

/** Whether passkeys work on this page. `elsewhere` means that they work only at another address of the page. */
export type PasskeySupport = 'none' | 'elsewhere' | 'here';

export function passkeySupport({ passkeyRpId }: AuthSettings): PasskeySupport {
  if (!passkeyRpId || !supportsPasskeys()) return 'none';
  // browsers do not create passkeys for IP addresses
  const isNumeric = /^[\d.]+$|^\[/.test(location.hostname);
  if (!isNumeric) return 'here';
  return passkeyRpId === 'localhost' ? 'elsewhere' : 'none';
}

/** Links to the same page at the address where passkeys work. */
export function PasskeysElsewhere() {
  const there = new URL(location.href);
  there.hostname = 'localhost';
  return (
    <p className="hint">
      Passkeys do not work at {location.hostname}. To use them, <a href={there.href}>open this page at {there.host}</a>.
    </p>
  );
}

/** Returns why the browser returned no passkey. */
export function wordsForNoPasskey({ reason }: NoPasskey, purpose: 'use' | 'create' = 'use'): string {
  switch (reason) {
    case 'cancelled':
      return purpose === 'create' ? 'No passkey was created. You can try again.' : 'No passkey was used. Try again, or choose another way.';
    case 'alreadyAdded':
      return 'This device or password manager already has a passkey for your account.';
    case 'wrongSite':
      return 'Passkeys do not work at this address.';
    case 'notSupported':
      return 'Your browser or password manager does not support this. Try another, or choose another way.';
    default:
      return impossible(reason);
  }
}

/** The message for a passkey that is not accepted as a proof. */
export const WRONG_PASSKEY = 'This passkey was not accepted. Try again, or choose another way.';

/**
 * Returns the refusal of a passkey. For two error codes, uses the server's message, because the app's own messages for these codes are
 * about passwords and users.
 */
export function passkeyRefusal(error: UserError): UserError | { fault: string } {
  return error.code === 'INVALID_CREDENTIALS' || error.code === 'NOT_FOUND' ? { fault: error.message } : error;
}
