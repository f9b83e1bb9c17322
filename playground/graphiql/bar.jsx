// The bar above GraphiQL: the viewer, their header, and links to the docs and the mailbox.
import { useState } from 'react';
import { send } from './fetcher.js';
import { count, hasMailbox, lookedAt, mails, seen } from './mailbox.js';
import { authorization, known, signOut } from './session.js';
import { useStore } from './store.js';

export function Bar() {
  return (
    <header className="bar">
      <h1>Gatehouse</h1>
      <Viewer />
      <a className="docs" href="docs" target="gatehouse-docs">Docs</a>
      {hasMailbox && <Mailbox />}
    </header>
  );
}

function Viewer() {
  const { accessToken, email, username } = useStore(known);
  const [isCopied, setCopied] = useState(false);
  if (!accessToken) return <p className="viewer" role="status">Not signed in</p>;
  const header = authorization().Authorization;
  async function copy() {
    await navigator.clipboard.writeText(`Authorization: ${header}`);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  }
  return (
    <div className="viewer">
      <p role="status">Signed in as <b>{email ?? username}</b></p>
      <code title="Sent with every request">Authorization: <span>{header}</span></code>
      <button type="button" onClick={copy}>{isCopied ? 'Copied' : 'Copy'}</button>
      <button type="button" onClick={() => signOut(send)}>Sign out</button>
    </div>
  );
}

function Mailbox() {
  const fresh = count(useStore(mails), useStore(seen));
  return (
    <a className="mailbox" href="mailbox" target="gatehouse-mailbox" onClick={lookedAt}>
      Mailbox
      <span className="count" role="status">
        {fresh > 0 && <><span aria-hidden="true">{fresh}</span><span className="unseen">{`, ${fresh} new`}</span></>}
      </span>
    </a>
  );
}
