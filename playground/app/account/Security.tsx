import { useEffect, useState } from 'react';
import type { UserFragment } from '../../client';
import type { AuthSettings } from '../form/rules';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { AppSetUp, NoApp, SetUp, type Enrolment } from './AuthenticatorApp';
import { Passkeys } from './Passkeys';
import { CodesLeft, RecoveryCodes } from './RecoveryCodes';

type SecurityProps = { user: UserFragment; settings: AuthSettings; isRequired: boolean };

/**
 * The page for passkeys, the authenticator app and the recovery codes. `isRequired` is true if the server does not allow anything
 * else before a second factor is set up.
 */
export function Security({ user, settings, isRequired }: SecurityProps) {
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [codes, setCodes] = useState<readonly string[]>();
  // a recovery code may have been used since the user was loaded
  useEffect(() => { gatehouse.me().catch(() => {}); }, []);

  if (codes) return <RecoveryCodes codes={codes} onSaved={() => setCodes(undefined)} />;
  if (enrolment) {
    const onCodes = (codes: readonly string[]) => {
      setEnrolment(undefined);
      setCodes(codes);
    };
    return <SetUp enrolment={enrolment} onCodes={onCodes} onCancel={() => setEnrolment(undefined)} />;
  }
  const hasPasskeys = !!settings.passkeyRpId;
  const isProtected = user.secondFactors.length > 0;
  // until there are recovery codes, their section comes first
  const needsCodes = isProtected && user.recoveryCodesLeft === 0;
  const recovery = (
    <section aria-labelledby="codes">
      <h2 id="codes">Recovery codes</h2>
      <CodesLeft left={user.recoveryCodesLeft} onCodes={setCodes} />
    </section>
  );
  const first = hasPasskeys ? 'Add a passkey or set up an authenticator app first.' : 'Set up an authenticator app first.';
  return (
    <Page title="Security" lead={isRequired && !isProtected && `${first} You can use the rest of this app afterwards.`}>
      {needsCodes && recovery}
      {hasPasskeys && (
        <section aria-labelledby="passkeys">
          <h2 id="passkeys">Passkeys</h2>
          <Passkeys user={user} settings={settings} onCodes={setCodes} />
        </section>
      )}
      <section aria-labelledby="app">
        <h2 id="app">Authenticator app</h2>
        {user.secondFactors.includes('TOTP') ? <AppSetUp user={user} onStarted={setEnrolment} /> : <NoApp user={user} onStarted={setEnrolment} />}
      </section>
      {isProtected && !needsCodes && recovery}
    </Page>
  );
}
