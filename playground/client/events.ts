import { sessionEventsDocument, type SessionEventsSubscription, type UserFragment } from './generated';
import { page } from './keep';
import type { BrowserSession } from './session';

/** Something that happened to the sessions or the account of whoever is signed in. */
export type SessionEvent = SessionEventsSubscription['answer'];

/** The code that the server closes a connection with whose access token is no good, or no longer. */
const FORBIDDEN = 4403;

/** The longest wait between two tries to connect, in seconds. */
const LONGEST_WAIT = 32;

/**
 * What the server tells by itself, over `graphql-transport-ws`: above all that the session has been ended elsewhere. A tab
 * is connected while somebody is signed in and it can be seen; one that comes back into sight asks how things stand.
 */
export class SessionEvents {
  private socket: WebSocket | undefined;
  /** The session that is followed, and the access token that was sent last. */
  private following: { session: string; accessToken?: string | undefined } | undefined;
  /** An access token that the server has refused. */
  private refused: string | undefined;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<(event: SessionEvent) => void>();
  private readonly url: string;
  private readonly session: BrowserSession;
  private readonly me: () => Promise<UserFragment>;

  /** `me` finds out anew who is signed in. */
  constructor(url: string, session: BrowserSession, me: () => Promise<UserFragment>) {
    this.url = url;
    this.session = session;
    this.me = me;
    session.subscribe(this.follow);
    page?.addEventListener('visibilitychange', this.see);
    this.follow();
  }

  subscribe(listener: (event: SessionEvent) => void) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Ends it. The session is closed with it, and forgets its listeners. */
  close() {
    page?.removeEventListener('visibilitychange', this.see);
    this.disconnect();
  }

  private readonly see = () => {
    if (!page?.hidden) this.session.check().catch(() => {});
    this.follow();
  };

  /** Connects, disconnects or renews, whatever is due. */
  private readonly follow = () => {
    const { state } = this.session;
    const session = state.status === 'signedIn' && !page?.hidden ? state.session.id : undefined;
    if (session !== this.following?.session) {
      this.disconnect();
      if (!session) return;
      this.following = { session };
      void this.connect();
      return;
    }
    const accessToken = this.session.heldToken();
    if (this.following?.accessToken && this.following.accessToken !== accessToken) {
      this.following.accessToken = accessToken;
      this.send({ type: 'ping', payload: { accessToken } });
    }
  };

  private disconnect() {
    clearTimeout(this.retry);
    this.following = undefined;
    this.socket?.close(1000);
    this.socket = undefined;
  }

  private send(message: object) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private async connect() {
    const { following } = this;
    const accessToken = await this.session.accessToken(this.refused).catch(() => undefined);
    if (!following || this.following !== following) return;
    if (!accessToken) return this.connectLater(following);
    following.accessToken = accessToken;
    const { href } = new URL(this.url, globalThis.location?.href);
    const socket = new WebSocket(href.replace('http', 'ws'), 'graphql-transport-ws');
    this.socket = socket;
    // what the connection stands on, as far as the server has said
    let stands = accessToken;
    socket.onopen = () => {
      stands = following.accessToken ?? accessToken;
      this.send({ type: 'connection_init', payload: { accessToken: stands } });
    };
    socket.onmessage = ({ data }) => {
      const { type, payload } = JSON.parse(data as string);
      if (type === 'connection_ack') {
        this.send({ id: '1', type: 'subscribe', payload: { query: sessionEventsDocument.toString() } });
        // what happened while nobody listened
        this.me().catch(() => {});
        this.failures = 0;
        this.refused = undefined;
      } else if (type === 'pong') stands = following.accessToken ?? stands;
      else if (type === 'ping') this.send({ type: 'pong' });
      else if (type === 'next' && payload.data) this.hear(payload.data.answer as SessionEvent);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (code === FORBIDDEN) this.refused = stands;
      this.connectLater(following);
    };
  }

  private connectLater(following: object) {
    // an expired token is no failure, and nothing to wait for
    const longest = this.refused && !this.failures ? 0 : Math.min(2 ** this.failures, LONGEST_WAIT);
    this.failures += 1;
    this.retry = setTimeout(() => { if (this.following === following) void this.connect(); }, Math.random() * longest * 1000);
  }

  private hear(event: SessionEvent) {
    const { state } = this.session;
    const own = state.status === 'signedIn' ? state.session.id : undefined;
    if (event.kind === 'SESSION_ENDED' && event.sessionId === own) this.session.end(own);
    if (['PROFILE_CHANGED', 'EMAIL_VERIFIED'].includes(event.kind)) this.me().catch(() => {});
    for (const listener of this.listeners) listener(event);
  }
}
