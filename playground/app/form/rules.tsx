import { useCallback, type ReactNode } from 'react';
import type { AuthSettingsQuery } from '../../client';
import { gatehouse } from '../gatehouse';
import { useLoad, useSettled } from '../hooks';

export type AuthSettings = AuthSettingsQuery['answer'];

/** The rules for a password, checked while the user types. Only the server judges how easy the password is to guess. */
export function PasswordRules({ password, settings }: { password: string; settings: AuthSettings }) {
  const { passwordMinLength: least, passwordMaxLength: most } = settings;
  const length = [...password.normalize('NFC')].length;
  return (
    <ul className="rules">
      <Rule holds={length >= least}>At least {least} characters</Rule>
      {length > most && <Rule holds={false}>At most {most} characters</Rule>}
      <li>Not easy to guess</li>
    </ul>
  );
}

/** The rules for a username, and whether it is available. */
export function UsernameRules({ username, settings }: { username: string; settings: AuthSettings }) {
  const { usernameMinLength: least, usernameMaxLength: most } = settings;
  const isLong = username.length >= least && username.length <= most;
  const isMadeOf = /^[a-z0-9_.-]+$/i.test(username);
  const settled = useSettled(username);
  const isAsked = isLong && isMadeOf && settled === username;
  const ask = useCallback(
    async () => {
      const outcome = isAsked ? await gatehouse.usernameAvailable(settled) : undefined;
      return outcome?.kind === 'UsernameAvailability' ? { settled, ...outcome } : undefined;
    },
    [isAsked, settled],
  );
  // if the request fails, nothing is shown, because sign-up checks again
  const { data } = useLoad(ask);
  const isKnown = data?.settled === username;
  return (
    <ul className="rules" aria-live="polite">
      <Rule holds={isLong}>{least} to {most} characters</Rule>
      <Rule holds={isMadeOf}>Only letters, digits and _ . -</Rule>
      {isKnown && <Rule holds={data.isAvailable}>{verdict(data)}</Rule>}
    </ul>
  );
}

function verdict({ isAvailable, suggestion }: { isAvailable: boolean; suggestion: string | null | undefined }) {
  if (isAvailable) return 'Available';
  return suggestion ? `Taken. Available: ${suggestion}` : 'Taken';
}

function Rule({ holds, children }: { holds: boolean; children: ReactNode }) {
  return (
    <li className={holds ? 'holds' : undefined}>
      {children}
      {holds && <span className="unseen"> (met)</span>}
    </li>
  );
}
