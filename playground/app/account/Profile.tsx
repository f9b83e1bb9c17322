import { Fragment, useCallback, useState } from 'react';
import type { EmailChallengeFragment, UserFragment } from '../../client';
import { Field, PasswordField, TextField } from '../form/Field';
import { Form } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useLoad } from '../hooks';
import { Page } from '../Page';
import { ProviderButtons } from '../sign_in/ProviderButtons';
import { atCurrentPassword, dateAndTime, impossible, NEWER } from '../words';

type OnChallenge = (challenge: EmailChallengeFragment) => void;
type ProfileProps = { user: UserFragment; settings: AuthSettings; onChallenge: OnChallenge };

export function Profile({ user, settings, onChallenge }: ProfileProps) {
  return (
    <Page title="Profile" lead={`You signed up on ${dateAndTime(user.createdAt)}.`}>
      <ProfileForm user={user} />
      <section aria-labelledby="email">
        <h2 id="email">Email address</h2>
        <Address user={user} settings={settings} onChallenge={onChallenge} />
      </section>
      {settings.providers.length > 0 && (
        <section aria-labelledby="identities">
          <h2 id="identities">Linked accounts</h2>
          <Identities providers={settings.providers} />
        </section>
      )}
    </Page>
  );
}

const FIELDS = ['name', 'username', 'bio', 'avatarUrl'];

function ProfileForm({ user }: { user: UserFragment }) {
  const [saves, setSaves] = useState(0);
  const form = useForm(async (inputs) => {
    // blank fields are cleared
    const [name, username, bio, avatarUrl] = FIELDS.map((field) => inputs[field]?.trim() || null);
    const outcome = await gatehouse.updateProfile({ name, username, bio, avatarUrl });
    switch (outcome.kind) {
      case 'User':
        setSaves(saves + 1);
        return 'Your profile is saved.';
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Form form={form} action="Save">
      {/* after saving, the fields show what the server returned */}
      <Fragment key={saves}>
        <Field name="name" label="Name" autoComplete="name" defaultValue={user.name ?? ''} />
        <Field name="username" label="Username" autoComplete="username" autoCapitalize="none" defaultValue={user.username ?? ''} />
        <TextField name="bio" label="About you" defaultValue={user.bio ?? ''} />
        <Field name="avatarUrl" type="url" label="Picture" hint="A URL that starts with https://" defaultValue={user.avatarUrl ?? ''} />
      </Fragment>
    </Form>
  );
}

/** The current email address, and the form to change it. */
function Address({ user, settings, onChallenge }: ProfileProps) {
  const confirm = useForm(async () => {
    const email = user.email ?? '';
    const outcome = await (settings.emailVerificationMethod === 'OTP'
      ? gatehouse.resendOtp({ email })
      : gatehouse.resendActivationEmail({ email }));
    return challenged(outcome, onChallenge);
  });
  const change = useForm(async ({ newEmail = '', currentPassword }) =>
    challenged(await gatehouse.changeEmail({ newEmail, currentPassword }), onChallenge),
  );
  return (
    <>
      <p>
        {user.email ?? 'None'}{' '}
        {user.email && (user.emailVerified ? <span className="tag good">confirmed</span> : <span className="tag">not confirmed</span>)}
      </p>
      {user.email && !user.emailVerified && <Form form={confirm} action="Confirm my email address">{null}</Form>}
      <details>
        <summary>Change email</summary>
        <Form form={change} action="Email a code to the new address">
          <Field name="newEmail" type="email" label="New email address" autoComplete="email" />
          {user.hasPassword && <PasswordField name="currentPassword" label="Password" autoComplete="current-password" />}
        </Form>
      </details>
    </>
  );
}

function challenged(outcome: Awaited<ReturnType<typeof gatehouse.changeEmail>>, onChallenge: OnChallenge) {
  switch (outcome.kind) {
    case 'EmailChallenge':
      return onChallenge(outcome);
    case 'UserError':
      return atCurrentPassword(outcome);
    case 'unknown':
      return NEWER;
    default:
      return impossible(outcome);
  }
}

type Identity = Awaited<ReturnType<typeof gatehouse.identities>>[number];

function Identities({ providers }: { providers: AuthSettings['providers'] }) {
  const { data: identities, reload } = useLoad(useCallback(() => gatehouse.identities(), []));
  if (!identities) return null;
  const linked = (id: string) => identities.filter(({ providerId }) => providerId === id);
  return (
    <>
      {providers.flatMap(({ id, name }) =>
        linked(id).map((identity) => <LinkedAccount key={identity.id} name={name} identity={identity} reload={reload} />),
      )}
      <ProviderButtons providers={providers.filter(({ id }) => linked(id).length === 0)} purpose="link" />
    </>
  );
}

function LinkedAccount({ name, identity, reload }: { name: string; identity: Identity; reload: () => void }) {
  const { id, email, linkedAt } = identity;
  const unlink = useForm(async () => {
    const outcome = await gatehouse.unlinkIdentity(id);
    switch (outcome.kind) {
      case 'User':
        return reload();
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <>
      <p>Linked to {email && <><strong>{email}</strong> at </>}{name} since {dateAndTime(linkedAt)}.</p>
      <Form form={unlink} action="Unlink">{null}</Form>
    </>
  );
}
