import { alone, sleep } from './alone';
import { Fault } from './fault';
import { refreshDocument, type AuthPayloadFragment, type ReauthenticatedFragment, type SessionFragment, type UserFragment } from './generated';
import { page, type Keeper, type Kept } from './keep';
import type { Post } from './post';

/** The state of the session in this browser. */
export type State =
  /** An earlier session is being resumed. `fault` is the reason for a delay. */
  | { status: 'resuming'; fault?: Fault }
  | { status: 'signedOut' }
  | { status: 'signedIn'; user: UserFragment; session: SessionFragment };

/** The initial state, with which servers also render pages. */
export const RESUMING: State = { status: 'resuming' };

/** The data that every tab holds in memory, and sends to the others when it changes. Times are measured by the clock of this device. */
type Held = { accessToken: string; since: number; expiresAt: number; user: UserFragment; session: SessionFragment };

/** A message between tabs. */
type News = { held: Held } | { ended: string };

/** A token counts as expired this many milliseconds before it expires, because a request takes time. */
const MARGIN = 5_000;

/** The maximum delay of a message between tabs, in milliseconds. */
const LATE_NEWS = 1_000;

/** The maximum wait between two attempts to resume a session, in seconds. */
const LONGEST_WAIT = 30;

/**
 * The session of this browser: the pair of tokens, and the signed-in user.
 *
 * The main invariant: **only the tab that holds the lock changes the pair of tokens.** After a tab gets the lock, it reads the storage
 * again, because another tab may have refreshed, signed out or signed in while this tab waited.
 */
export class BrowserSession {
  state: State;
  private held: Held | undefined;
  /** The ID of the session that ended last. The storage may still contain it, because messages can arrive before changes to the storage. */
  private ended: string | undefined;
  private renewal: Promise<void> | undefined;
  private heard = new AbortController();
  private readonly channel: BroadcastChannel | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly name: string;
  private readonly keeper: Keeper;
  private readonly post: Post;

  constructor(name: string, keeper: Keeper, post: Post) {
    this.name = name;
    this.keeper = keeper;
    this.post = post;
    // on a server, an open channel would keep the process running
    if (keeper.isShared && globalThis.window?.BroadcastChannel) {
      this.channel = new BroadcastChannel(name);
      this.channel.onmessage = ({ data }) => this.hear(data as News);
    }
    this.state = keeper.read() || !page ? RESUMING : { status: 'signedOut' };
    if (page) this.start();
  }

  /**
   * Resumes the session. In a page, this happens immediately. Elsewhere, it happens when the first listener is added, because a server
   * that renders pages adds no listeners and must not resume the session of a visitor.
   */
  start() {
    if (this.state !== RESUMING) return;
    this.state = { ...RESUMING };
    void this.resume();
  }

  subscribe(listener: () => void) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Returns a valid access token other than `stale`, after a refresh if necessary, or `undefined` if no user is signed in. */
  async accessToken(stale?: string): Promise<string | undefined> {
    if (!this.isFresh(stale)) {
      if (!this.held && !this.kept()) {
        if (this.state !== RESUMING && this.state.status === 'resuming') this.hold(undefined);
        return undefined;
      }
      this.renewal ??= this.renew(stale).finally(() => { this.renewal = undefined; });
      await this.renewal;
    }
    return this.held?.accessToken;
  }

  /** Returns the current access token, even if it has expired. */
  heldToken() {
    return this.held?.accessToken;
  }

  /** Runs a request that signs in. Refreshes wait for it, so that a late response to a refresh cannot undo the sign-in. */
  async signIn<Answer extends { kind: string }>(ask: () => Promise<Answer>): Promise<Answer> {
    const before = this.held?.session.id;
    let answer!: Answer;
    await alone(this.name, async () => {
      answer = await ask();
      if (answer.kind !== 'AuthPayload') return;
      const payload = answer as unknown as AuthPayloadFragment;
      // the session continues, but another tab has signed out or in while this one waited
      if (payload.session.id === before && this.kept()?.session !== before) return;
      this.take(payload);
    });
    return answer;
  }

  /** Runs a reauthentication. Refreshes wait for it, because the tokens from a refresh may be older than the proof. */
  async reauthenticate<Answer extends { kind: string }>(ask: () => Promise<Answer>): Promise<Answer> {
    let answer!: Answer;
    await alone(this.name, async () => {
      answer = await ask();
      if (answer.kind !== 'Reauthenticated') return;
      const { session, accessToken, expiresIn } = answer as unknown as ReauthenticatedFragment;
      if (this.held?.session.id !== session.id) return;
      this.tell({ ...this.held, session, accessToken, expiresAt: Date.now() + expiresIn * 1000 });
    });
    return answer;
  }

  /** Runs a request that signs out, and ends the session here unless it throws. */
  async signOut<Answer>(ask: (kept: Kept | undefined) => Promise<Answer>): Promise<Answer> {
    let answer!: Answer;
    await alone(this.name, async () => {
      const kept = this.kept();
      answer = await ask(kept);
      for (const session of new Set([kept?.session, this.held?.session.id])) this.end(session);
    });
    return answer;
  }

  /** Ends a session in all tabs. Does not affect a newer session. */
  end(session: string | undefined) {
    if (session) {
      if (this.kept()?.session === session) this.keeper.write(undefined);
      this.ended = session;
      this.channel?.postMessage({ ended: session } satisfies News);
    }
    if (!this.held || this.held.session.id === session) this.hold(undefined);
  }

  /** Updates the data of the signed-in user. Ignores other users. */
  know(user: UserFragment) {
    if (this.held?.user.id === user.id) this.tell({ ...this.held, user });
  }

  /** Checks whether another tab has signed out or in while this one received no messages. */
  async check() {
    if (this.kept()?.session !== this.held?.session.id) await this.accessToken(this.held?.accessToken);
  }

  /** Takes over the session of a cookie that another page of this site received. */
  async adopt() {
    if (!this.keeper.isCookie || this.kept()) return;
    // only a refresh reveals the ID of the session
    this.keeper.write({ session: String(Math.random()), since: 0 });
    await this.accessToken();
  }

  close() {
    this.channel?.close();
    this.listeners.clear();
  }

  private isFresh(stale?: string) {
    return !!this.held && this.held.accessToken !== stale && Date.now() < this.held.expiresAt - MARGIN;
  }

  private async resume() {
    for (let wait = 1; this.state.status === 'resuming'; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        await this.accessToken();
      } catch (fault) {
        this.become({ status: 'resuming', fault: fault as Fault });
        await sleep(wait * 1000);
      }
    }
  }

  private renew(stale?: string) {
    this.heard = new AbortController();
    return alone(this.name, () => this.refresh(stale), this.heard.signal);
  }

  private async refresh(stale?: string): Promise<void> {
    if (this.isFresh(stale)) return;
    const kept = this.kept();
    if (!kept) return this.end(this.held?.session.id);
    if (this.held && this.held.since !== kept.since) {
      // another tab has refreshed, and its message has not arrived yet
      await Promise.race([sleep(LATE_NEWS), new Promise((heard) => this.heard.signal.addEventListener('abort', heard))]);
      if (this.isFresh(stale)) return;
    }
    const { answer } = await this.post(refreshDocument, { refreshToken: kept.refreshToken });
    // a tab that was frozen in the meantime must not overwrite a newer session
    const now = this.kept();
    if (now?.session !== kept.session || now.since !== kept.since) return this.refresh(stale);
    if (answer.kind === 'AuthPayload') this.take(answer);
    // `INVALID_INPUT`: no token was sent, because the browser has deleted the cookie
    else if (answer.code === 'INVALID_TOKEN' || answer.code === 'INVALID_INPUT') this.end(kept.session);
    else throw new Fault('SERVICE_UNAVAILABLE', answer.message, answer.retryAfter ?? undefined);
  }

  private take({ accessToken, expiresIn, user, session, refreshToken }: AuthPayloadFragment) {
    const since = Date.now();
    const kept = this.kept();
    // a session that continues keeps its refresh token
    const token = refreshToken ?? (kept?.session === session.id ? kept.refreshToken : undefined);
    this.keeper.write({ session: session.id, since, refreshToken: token });
    this.tell({ accessToken, since, expiresAt: since + expiresIn * 1000, user, session });
  }

  private tell(held: Held) {
    this.channel?.postMessage({ held } satisfies News);
    this.hold(held);
  }

  private hear(news: News) {
    if ('ended' in news) {
      this.ended = news.ended;
      if (this.held ? this.held.session.id === news.ended : !this.kept()) this.hold(undefined);
    } else {
      this.hold(news.held);
      this.heard.abort();
    }
  }

  private kept() {
    const kept = this.keeper.read();
    return kept?.session === this.ended ? undefined : kept;
  }

  private hold(held: Held | undefined) {
    this.held = held;
    this.become(held ? { status: 'signedIn', user: held.user, session: held.session } : { status: 'signedOut' });
  }

  private become(state: State) {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
