import { alone, sleep } from './alone';
import { Fault } from './fault';
import { refreshDocument, type AuthPayloadFragment, type ReauthenticatedFragment, type SessionFragment, type UserFragment } from './generated';
import { page, type Keeper, type Kept } from './keep';
import type { Post } from './post';

/** Who is signed in in this browser. */
export type State =
  /** There is a session from before, and it is being resumed; `fault` says why it is taking so long. */
  | { status: 'resuming'; fault?: Fault }
  | { status: 'signedOut' }
  | { status: 'signedIn'; user: UserFragment; session: SessionFragment };

/** The state before anything was looked at, which is also what a server renders pages with. */
export const RESUMING: State = { status: 'resuming' };

/** What every tab holds in memory, and tells the others when it is new. Times are by this device's own clock. */
type Held = { accessToken: string; since: number; expiresAt: number; user: UserFragment; session: SessionFragment };

/** What tabs tell each other. */
type News = { held: Held } | { ended: string };

/** Tokens are taken for expired so many milliseconds early: a request takes its time too. */
const MARGIN = 5_000;

/** How long news between tabs may take. */
const LATE_NEWS = 1_000;

/** The longest wait between two tries to resume a session, in seconds. */
const LONGEST_WAIT = 30;

/**
 * The session of this browser: the pair of tokens, and who is signed in.
 *
 * The rule that everything rests on: **the pair is changed by whoever holds the lock, and by nobody else.** And whoever has
 * got it looks anew at what is kept, for while it waited another tab may have refreshed, signed out or signed in.
 */
export class BrowserSession {
  state: State;
  private held: Held | undefined;
  /** The session that ended last. What is kept may still be of it: a tab hears the news sooner than it sees the storage change. */
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
    // on a server, an open channel would keep the process from ending
    if (keeper.isShared && globalThis.window?.BroadcastChannel) {
      this.channel = new BroadcastChannel(name);
      this.channel.onmessage = ({ data }) => this.hear(data as News);
    }
    this.state = keeper.read() || !page ? RESUMING : { status: 'signedOut' };
    if (page) this.start();
  }

  /**
   * Finds out who is signed in. A page does so at once. Where there is none, the first listener is waited for: a server that
   * renders pages has no listeners, and cannot know who will look at them.
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

  /** An access token that has not expired, by a refresh if need be, and other than `stale`. None if nobody is signed in. */
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

  /** The access token as it is, be it expired or not. */
  heldToken() {
    return this.held?.accessToken;
  }

  /** Runs something that signs in. Refreshes wait, so that no late answer undoes it. */
  async signIn<Answer extends { kind: string }>(ask: () => Promise<Answer>): Promise<Answer> {
    const before = this.held?.session.id;
    let answer!: Answer;
    await alone(this.name, async () => {
      answer = await ask();
      if (answer.kind !== 'AuthPayload') return;
      const payload = answer as unknown as AuthPayloadFragment;
      // it tells of the session that asked, and while it waited another tab has signed out, or somebody else in
      if (payload.session.id === before && this.kept()?.session !== before) return;
      this.take(payload);
    });
    return answer;
  }

  /** Runs something that proves who is signed in. Refreshes wait, as their tokens may be of before the proof. */
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

  /** Runs something that ends the session here, which it does unless it throws. */
  async signOut<Answer>(ask: (kept: Kept | undefined) => Promise<Answer>): Promise<Answer> {
    let answer!: Answer;
    await alone(this.name, async () => {
      const kept = this.kept();
      answer = await ask(kept);
      for (const session of new Set([kept?.session, this.held?.session.id])) this.end(session);
    });
    return answer;
  }

  /** The session is over, for all tabs. One that has begun since is not. */
  end(session: string | undefined) {
    if (session) {
      if (this.kept()?.session === session) this.keeper.write(undefined);
      this.ended = session;
      this.channel?.postMessage({ ended: session } satisfies News);
    }
    if (!this.held || this.held.session.id === session) this.hold(undefined);
  }

  /** What is newly known of whoever is signed in. */
  know(user: UserFragment) {
    if (this.held?.user.id === user.id) this.tell({ ...this.held, user });
  }

  /** Looks whether another tab has signed out, or somebody else in, while this one could not hear it. */
  async check() {
    if (this.kept()?.session !== this.held?.session.id) await this.accessToken(this.held?.accessToken);
  }

  /** Takes up a session whose cookie another page of this site has got. */
  async adopt() {
    if (!this.keeper.isCookie || this.kept()) return;
    // which session it is, only a refresh tells
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
      // another tab was faster than its news
      await Promise.race([sleep(LATE_NEWS), new Promise((heard) => this.heard.signal.addEventListener('abort', heard))]);
      if (this.isFresh(stale)) return;
    }
    const { answer } = await this.post(refreshDocument, { refreshToken: kept.refreshToken });
    // a tab that was frozen meanwhile must not write over what came after
    const now = this.kept();
    if (now?.session !== kept.session || now.since !== kept.since) return this.refresh(stale);
    if (answer.kind === 'AuthPayload') this.take(answer);
    // none was sent where the browser has dropped the cookie
    else if (answer.code === 'INVALID_TOKEN' || answer.code === 'INVALID_INPUT') this.end(kept.session);
    else throw new Fault('SERVICE_UNAVAILABLE', answer.message, answer.retryAfter ?? undefined);
  }

  private take({ accessToken, expiresIn, user, session, refreshToken }: AuthPayloadFragment) {
    const since = Date.now();
    const kept = this.kept();
    // a session that goes on keeps the refresh token that it has
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
