import { useEffect, useRef, type MouseEvent, type ReactNode } from 'react';
import type { Keep, State } from '../client';
import { chooseKeep, gatehouse, keep, KEEPS } from './gatehouse';
import { Form } from './form/Form';
import { useForm } from './form/useForm';
import { useRoute } from './route';
import { wordsForFault } from './words';

/** A page. Its title takes the focus, so that screen readers announce the change of page. */
export function Page({ title, lead, children }: { title: string; lead?: ReactNode; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Gatehouse demo`;
    heading.current?.focus();
  }, [title]);
  return (
    <main className="card" id="main">
      <h1 ref={heading} tabIndex={-1}>{title}</h1>
      {lead && <p className="lead">{lead}</p>}
      {children}
    </main>
  );
}

/** The page that is shown if loading fails. */
export function Failed({ fault, retry }: { fault: unknown; retry: () => void }) {
  return (
    <Page title="Something went wrong" lead={wordsForFault(fault)}>
      <button type="button" onClick={retry}>Try again</button>
    </Page>
  );
}

/** The header and footer of every page. */
export function Frame({ state, children }: { state: State; children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#main" onClick={skip}>Skip to content</a>
      <header>
        <p className="brand">Gatehouse <span>demo</span></p>
        {state.status === 'signedIn' && <SignedIn user={state.user} />}
      </header>
      {children}
      <footer>
        <KeepChoice />
      </footer>
    </>
  );
}

/** Focuses the title. The fragment of the URL holds the current page, so the link must not change it. */
function skip(event: MouseEvent) {
  event.preventDefault();
  document.querySelector<HTMLElement>('h1')?.focus();
}

function SignedIn({ user }: { user: Extract<State, { status: 'signedIn' }>['user'] }) {
  const logout = useForm(async () => void (await gatehouse.logout()));
  return (
    <>
      <nav aria-label="Pages">
        <Link to="/profile">Profile</Link>
        <Link to="/password">Password</Link>
        <Link to="/security">Security</Link>
        <Link to="/sessions">Sessions</Link>
        {user.role !== 'USER' && <Link to="/users">Users</Link>}
      </nav>
      <div className="who">
        <span>{user.name ?? user.username ?? user.email}</span>
        <Form form={logout} action="Sign out">{null}</Form>
      </div>
    </>
  );
}

function Link({ to, children }: { to: string; children: ReactNode }) {
  const { path } = useRoute();
  const isHere = path === to || (to === '/profile' && path.length < 2);
  return <a href={`#${to}`} aria-current={isHere ? 'page' : undefined}>{children}</a>;
}

const KEEP_WORDS: Record<Keep, string> = {
  cookie: 'Cookie',
  localStorage: 'localStorage',
  memory: 'Memory',
};

function KeepChoice() {
  return (
    <fieldset className="choice">
      <legend>Where this app keeps the refresh token</legend>
      {KEEPS.map((one) => (
        <label key={one}>
          <input type="radio" name="keep" checked={one === keep} onChange={() => chooseKeep(one)} />
          {KEEP_WORDS[one]}
        </label>
      ))}
    </fieldset>
  );
}
