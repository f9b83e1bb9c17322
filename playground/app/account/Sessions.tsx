import { useCallback, useEffect } from 'react';
import type { SessionFragment } from '../../client';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useLoad } from '../hooks';
import { Failed, Page } from '../Page';
import { dateAndTime } from '../words';
import { deviceOf } from './device';

export function Sessions() {
  const { data: sessions, fault, reload } = useLoad(useCallback(() => gatehouse.sessions(), []));
  // a sign-in or sign-out on another device
  useEffect(() => gatehouse.onEvent(() => void reload()), [reload]);
  const everywhere = useForm(async () => void (await gatehouse.logoutAll()));

  if (fault) return <Failed fault={fault} retry={reload} />;
  return (
    <Page title="Sessions" lead="You are signed in on these devices.">
      <ul className="list" aria-live="polite">
        {sessions?.map((session) => <Item key={session.id} session={session} onEnded={reload} />)}
      </ul>
      <section aria-label="Everywhere">
        <Form form={everywhere} action="Sign out everywhere">{null}</Form>
      </section>
    </Page>
  );
}

function Item({ session, onEnded }: { session: SessionFragment; onEnded: () => void }) {
  const device = deviceOf(session.userAgent);
  const form = useForm(async () => {
    if (session.isCurrent) await gatehouse.logout();
    else await gatehouse.revokeSession(session.id);
    onEnded();
  });
  return (
    <li>
      <div>
        <strong>{device}</strong> {session.isCurrent && <span className="tag good">this device</span>}
        <p className="hint">
          {session.ipAddress && <>{session.ipAddress} · </>}signed in {dateAndTime(session.createdAt)} · last used {dateAndTime(session.lastUsedAt)}
        </p>
      </div>
      <Form form={form} action={session.isCurrent ? 'Sign out this device' : 'Sign out device'}>{null}</Form>
    </li>
  );
}
