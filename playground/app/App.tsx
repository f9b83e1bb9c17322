import type { UserFragment } from '../client';
import { Password } from './account/Password';
import { Profile } from './account/Profile';
import { Security } from './account/Security';
import { Sessions } from './account/Sessions';
import type { AuthSettings } from './form/rules';
import { gatehouse } from './gatehouse';
import { useLoad, useSession } from './hooks';
import { Failed, Frame, Page } from './Page';
import { Reauthentication } from './reauthentication/Reauthentication';
import { useRoute, type Route } from './route';
import { ActivateAccount } from './sign_in/ActivateAccount';
import { usePending, type Pending } from './sign_in/challenge';
import { EmailCode } from './sign_in/EmailCode';
import { ForgottenPassword } from './sign_in/ForgottenPassword';
import { isBackFromProvider } from './sign_in/provider';
import { ProviderReturn } from './sign_in/ProviderReturn';
import { Login } from './sign_in/Login';
import { ResetPassword } from './sign_in/ResetPassword';
import { SECOND_FACTOR } from './sign_in/second_factor';
import { SecondFactor } from './sign_in/SecondFactor';
import { SignInLink } from './sign_in/SignInLink';
import { Signup } from './sign_in/Signup';
import { Verify } from './sign_in/Verify';
import { Users } from './users/Users';
import { wordsForFault } from './words';

/** The whole app: the frame and the current page. */
export function App() {
  const state = useSession();
  return (
    <Frame state={state}>
      <Pages />
      <Reauthentication />
    </Frame>
  );
}

function Pages() {
  const state = useSession();
  const { path, parameters } = useRoute();
  const pending = usePending();
  const { data: settings, fault, reload } = useLoad(gatehouse.authSettings);
  const token = parameters.get('token');

  if (fault) return <Failed fault={fault} retry={reload} />;
  if (!settings) return <Page title="One moment…" />;
  if (path === '/reset-password' && token) return <ResetPassword token={token} settings={settings} />;
  if (path === '/activate' && token) return <ActivateAccount token={token} />;
  const account = parameters.get('account');
  if (path === '/sign-in' && token && account) return <SignInLink key={token} token={token} account={account} />;
  if (isBackFromProvider()) return <ProviderReturn />;
  if (state.status === 'resuming') {
    return <Page title="One moment…" lead={state.fault && `${wordsForFault(state.fault)} Trying again…`} />;
  }
  if (pending.challenge && path === '/verify') return <Verify pending={pending} settings={settings} />;
  if (path === SECOND_FACTOR) return <SecondFactor parameters={parameters} settings={settings} />;
  if (state.status === 'signedIn') {
    // the key drops everything that the previous user loaded or typed in
    return <AccountPages key={state.user.id} path={path} parameters={parameters} user={state.user} settings={settings} pending={pending} />;
  }
  if (path === '/signup') return <Signup settings={settings} onChallenge={pending.await} />;
  if (path === '/email-code') return <EmailCode onChallenge={pending.await} />;
  if (path === '/forgotten-password') return <ForgottenPassword />;
  return <Login settings={settings} onChallenge={pending.await} />;
}

type AccountPagesProps = Route & { user: UserFragment; settings: AuthSettings; pending: Pending };

function AccountPages({ path, parameters, user, settings, pending }: AccountPagesProps) {
  if (path === '/password') return <Password user={user} settings={settings} />;
  if (path === '/security') return <Security user={user} settings={settings} isRequired={parameters.has('required')} />;
  if (path === '/sessions') return <Sessions />;
  if (path === '/users' && user.role !== 'USER') return <Users viewer={user} />;
  return <Profile user={user} settings={settings} onChallenge={pending.await} />;
}
