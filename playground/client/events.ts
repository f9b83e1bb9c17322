import { sessionEventsDocument, type SessionEventsSubscription, type UserFragment } from './generated';
import { page } from './keep';
import type { BrowserSession } from './session';

/** An event that concerns the sessions or the account of the signed-in user. */
export type SessionEvent = SessionEventsSubscription['answer'];

/** The code with which the server closes a connection if its access token is invalid or has expired. */
const FORBIDDEN = 4403;

/** The maximum wait between two attempts to connect, in seconds. */
const LONGEST_WAIT = 32;

/**
 * Receives the events that the server sends over `graphql-transport-ws`, above all the end of the session on another device. A tab is
 * connected while a user is signed in and the tab is visible. When the tab becomes visible again, it checks the session.
 */
export class SessionEvents {
  private socket: WebSocket | undefined;
  /** The ID of the followed session, and the access token that was last sent. */
  private following: { session: string; accessToken?: string | undefined } | undefined;
  /** An access token that the server refused. */
  private refused: string | undefined;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<(event: SessionEvent) => void>();
  private readonly url: string;
  private readonly session: BrowserSession;
  private readonly me: () => Promise<UserFragment>;

  /** `me` reloads the signed-in user. */
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

  /** Disconnects. The caller also closes the session, which removes the session's listeners. */
  close() {
    page?.removeEventListener('visibilitychange', this.see);
    this.disconnect();
  }

  private readonly see = () => {
    if (!page?.hidden) this.session.check().catch(() => {});
    this.follow();
  };

  /** Connects, disconnects, or sends a renewed access token, as the session requires. */
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
    // the access token that the server has confirmed for this connection
    let stands = accessToken;
    socket.onopen = () => {
      stands = following.accessToken ?? accessToken;
      this.send({ type: 'connection_init', payload: { accessToken: stands } });
    };
    socket.onmessage = ({ data }) => {
      const { type, payload } = JSON.parse(data as string);
      if (type === 'connection_ack') {
        this.send({ id: '1', type: 'subscribe', payload: { query: sessionEventsDocument.toString() } });
        // the user may have changed while the tab was not connected
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
    // if a token has expired, reconnects immediately, because this is not a failure
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
