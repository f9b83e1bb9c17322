import { useCallback, useState } from 'react';
import type { UserFragment } from '../../client';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useLoad } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { impossible, NEWER } from '../words';
import { Elsewhere, links } from './Elsewhere';
import { homeOf } from './home';
import { askForSecondFactor } from './second_factor';

/**
 * The page that the emailed link opens if `LOGIN_URL` is `…/demo#/sign-in?token={token}&account={account}`. It waits for the user
 * to press a button that names the account. An attacker may send somebody a link that signs in to the attacker's account, to watch what
 * that person does there.
 */
export function SignInLink({ token, account }: { token: string; account: string }) {
  const [isForeign, setForeign] = useState(false);
  const [isConfirmed, setConfirmed] = useState(false);
  const { data: link } = useLoad(useCallback(() => links.readLoginLink(token), [token]));
  const form = useForm(async () => {
    const outcome = await gatehouse.activateAccount({ token });
    switch (outcome.kind) {
      case 'AuthPayload': {
        if (isAccountOf(outcome.user, account)) return go(homeOf(outcome.user));
        await gatehouse.logout();
        return setForeign(true);
      }
      case 'UserError':
        return outcome;
      case 'SecondFactorChallenge':
        return askForSecondFactor(outcome, { account });
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  if (isForeign) return <ForeignLink account={account} />;
  if (isConfirmed) {
    return <Page title="Continue on the other screen" lead="You are being signed in where you requested the link. You can close this page." />;
  }
  return (
    <Page title="Sign in" lead="Continue only if this is your account and you requested this email.">
      <Form form={form} action={`Sign in as ${account}`}>{null}</Form>
      {/* below the first button, which must not move while somebody presses it */}
      {link?.kind === 'LoginLink' && !link.isRequestedHere && (
        <Elsewhere token={token} link={link} onConfirmed={() => setConfirmed(true)} />
      )}
      <p className="ways"><a href="#/email-code">Send me another link</a></p>
    </Page>
  );
}

/** Returns whether a link that names this account belongs to the user. */
export function isAccountOf({ email, username }: UserFragment, account: string) {
  return [email, username].some((name) => name?.toLowerCase() === account.toLowerCase());
}

/** The page that is shown if a link belongs to somebody else. */
export function ForeignLink({ account }: { account: string }) {
  return <Page title="Do not trust this link" lead={`This link belongs to another account, not to ${account}. You are not signed in.`} />;
}
