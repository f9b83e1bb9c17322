import { Challenges } from './challenges';
import type { Document, VariablesOf } from './document';
import { Fault } from './fault';
import * as operations from './generated';
import { keeper, note, type Keep } from './keep';
import { outcome } from './outcome';
import { poster } from './post';
import { needsProof, reauthenticator, type AskForProof } from './reauthentication';
import { BrowserSession, RESUMING } from './session';
import { SessionEvents, type SessionEvent } from './events';

/** How a client is set up. */
export type Options = {
  /** Where the server is: its `/graphql`. */
  url: string;
  /** Where the refresh token is kept. */
  keep: Keep;
  /** Whether the server is asked to tell what happens to the session, such as its end. Yes, unless said otherwise. */
  events?: boolean | undefined;
  /**
   * Asks the person for a proof when the server answers `REAUTHENTICATION_REQUIRED`: their password, say. Once it is accepted, what was
   * refused is sent again; if they give none, the refusal is what the function comes to. Is asked again, with the `refusal`, if a proof is
   * wrong. Requests that are refused meanwhile wait for the same proof.
   */
  onReauthenticationRequired?: AskForProof | undefined;
};

/** A client, as {@link createGatehouse} makes it. */
export type Gatehouse = ReturnType<typeof createGatehouse>;

/**
 * A client of one server. An app makes one, and all its tabs share the session.
 *
 * The functions are called as the schema calls the fields. What the schema makes a union comes back as an {@link Outcome};
 * where there is no outcome, because the server does not answer or nobody is signed in, a {@link Fault} is thrown.
 */
export function createGatehouse({ url, keep, events = true, onReauthenticationRequired }: Options) {
  const isMemory = keep === 'memory';
  const name = `gatehouse ${keep} ${isMemory ? Math.random() : url}`;
  const kept = keeper(keep, name);
  const post = poster(url, kept.isCookie);
  const session = new BrowserSession(name, kept, post);
  const challenges = new Challenges(note(kept.place, `${name} challenges`));
  const viewer = () => (session.state.status === 'signedIn' ? session.state.user.id : undefined);

  /**
   * As whoever is signed in, and once more where the token turns out to be no good, or to carry no recent proof: nothing was run
   * then.
   */
  async function run<Result, Variables>(document: Document<Result, Variables>, ...[variables]: VariablesOf<Variables>) {
    const asked = viewer();
    const send = () => sendAs(asked, document, variables as Variables);
    let sent = await send();
    // the proof may have been given meanwhile, for another request or in another tab
    if (needsProof(sent.data) && session.heldToken() !== sent.accessToken) sent = await send();
    if (needsProof(sent.data) && (await proven())) sent = await send();
    return sent.data;
  }

  async function sendAs<Result, Variables>(asked: string | undefined, document: Document<Result, Variables>, variables: Variables) {
    const tokenOther = async (stale?: string) => {
      const accessToken = await session.accessToken(stale);
      const now = viewer();
      if (asked && now && now !== asked) throw new Fault('UNAUTHENTICATED', 'Somebody else has signed in.');
      return accessToken;
    };
    const accessToken = await tokenOther();
    try {
      return { data: await post(document, variables, accessToken), accessToken };
    } catch (fault) {
      if (!accessToken || (fault as Fault).code !== 'UNAUTHENTICATED') throw fault;
      const renewed = await tokenOther(accessToken);
      if (!renewed) throw fault;
      return { data: await post(document, variables, renewed), accessToken: renewed };
    }
  }

  type Asked<Answer, Variables> = Document<{ answer: Answer }, Variables>;

  async function signedIn<Answer, Variables>(document: Asked<Answer, Variables>, ...variables: VariablesOf<Variables>) {
    return (await run(document, ...variables)).answer;
  }

  async function anybody<Answer, Variables>(document: Asked<Answer, Variables>, variables: Variables) {
    return (await post(document, variables)).answer;
  }

  async function signIn<Answer extends { kind: string }, Variables>(
    document: Asked<Answer, Variables>,
    variables: Variables,
    accessToken?: string,
  ) {
    const answer = await session.signIn(async () => (await post(document, variables, accessToken)).answer);
    return outcome(challenges.keep(answer));
  }

  /** Signs in by what was mailed. */
  async function answer<Answer extends { kind: string }, Variables>(document: Asked<Answer, Variables>, variables: Variables) {
    const proven = await signIn(document, variables, await session.accessToken());
    if (proven.kind === 'AuthPayload') challenges.forget();
    return proven;
  }

  /** Has something mailed whose answer is awaited. */
  async function mail<Answer extends { kind: string }>(asked: Promise<Answer>) {
    return outcome(challenges.keep(await asked));
  }

  const startReauthentication = async (sendCode = false) =>
    outcome(await signedIn(operations.startReauthenticationDocument, { sendCode }));

  async function reauthenticate(id: string, proof: operations.ReauthenticationProof) {
    const accessToken = await session.accessToken();
    return outcome(
      await session.reauthenticate(async () => (await post(operations.reauthenticateDocument, { id, proof }, accessToken)).answer),
    );
  }

  const proven = reauthenticator(onReauthenticationRequired, startReauthentication, reauthenticate);

  /** What is answered about users tells of whoever is signed in, too. */
  async function ofUser<Answer extends { kind: string }, Variables>(
    document: Asked<Answer, Variables>,
    ...variables: VariablesOf<Variables>
  ) {
    const answer = await signedIn(document, ...variables);
    if (answer.kind === 'User') session.know(answer as unknown as operations.UserFragment);
    return outcome(answer);
  }

  async function me() {
    const user = await signedIn(operations.meDocument);
    session.know(user);
    return user;
  }

  const stream = events ? new SessionEvents(url, session, me) : undefined;

  return {
    /** Who is signed in. The same object until that changes. */
    state: () => session.state,
    /** Calls `listener` whenever {@link Gatehouse.state} has changed, and gives what ends that. */
    subscribe(listener: () => void) {
      const unsubscribe = session.subscribe(listener);
      session.start();
      return unsubscribe;
    },
    /** The state that pages are rendered with on a server, and hydrated with: the third argument of `useSyncExternalStore`. */
    serverState: () => RESUMING,
    /** Calls `listener` with what happens to the sessions and the account of whoever is signed in, here and elsewhere. */
    onEvent: (listener: (event: SessionEvent) => void) => stream?.subscribe(listener) ?? (() => {}),
    /** An access token that is good for now, to call other services with. None if nobody is signed in. */
    accessToken: () => session.accessToken(),
    /**
     * Looks whether somebody has signed in on another page of this site, such as the server's `/sign-in`, which mails lead to. For
     * cookie mode, when a page for signing in is opened or looked at again.
     */
    adopt: () => session.adopt(),
    /** Runs an operation of the app's own, as whoever is signed in. */
    run,
    /** Ends what goes on in the background. */
    close() {
      stream?.close();
      session.close();
    },

    /** Signs up, and in, unless the address must be proven first. */
    signup: (input: operations.SignupInput) => signIn(operations.signupDocument, { input }),
    /** Signs in by a username or an email address, and the password. */
    login: (input: operations.LoginInput) => signIn(operations.loginDocument, { input }),
    /** Signs out, in all tabs. If this throws, nobody was signed out. */
    logout: () =>
      session.signOut(async (kept) => {
        const variables = { refreshToken: kept?.refreshToken };
        return (await post(operations.logoutDocument, variables, session.heldToken())).answer;
      }),
    /** Signs out everywhere. */
    async logoutAll() {
      const answer = await signedIn(operations.logoutAllDocument);
      return session.signOut(async () => answer);
    },
    /** Ends one session, on whatever device it is. */
    async revokeSession(id: string) {
      const answer = await signedIn(operations.revokeSessionDocument, { id });
      if (answer.endedSessionIds.includes(id)) session.end(id);
      return answer;
    },
    /** The sessions of whoever is signed in, the newest first. */
    sessions: async () => (await signedIn(operations.sessionsDocument)).sessions,

    /**
     * Proves an address, or signs in, by the code that was mailed. The id of its challenge is sent too, if it was asked for in this
     * browser: without it a sign-up's password is not kept.
     */
    verifyOtp: (input: operations.VerifyOtpInput) =>
      answer(operations.verifyOtpDocument, { input: { ...input, challengeId: input.challengeId ?? challenges.newest(input.email) } }),
    /** Mails a code again. */
    resendOtp: ({ email, challengeId = challenges.newest(email) }: operations.ResendOtpMutationVariables) =>
      mail(anybody(operations.resendOtpDocument, { email, challengeId })),
    /** Proves an address, or signs in, by the token of the link that was mailed. The id of a sign-up in this browser is sent too. */
    activateAccount: ({ challengeId = challenges.ofSignup(), ...rest }: operations.ActivateAccountMutationVariables) =>
      answer(operations.activateAccountDocument, { challengeId, ...rest }),
    /** Mails such a link again. */
    resendActivationEmail: ({ email, challengeId = challenges.ofSignup(email) }: operations.ResendActivationEmailMutationVariables) =>
      mail(anybody(operations.resendActivationEmailDocument, { email, challengeId })),
    /** Mails a code and a link to sign in with: see `verifyOtp` and `activateAccount`. */
    requestLoginCode: (email: string) => mail(anybody(operations.requestLoginCodeDocument, { email })),
    /** Mails a link by which a new password is set. */
    requestPasswordReset: async (email: string) =>
      outcome(await anybody(operations.requestPasswordResetDocument, { email })),
    /** Sets a new password by the token of that link. */
    resetPassword: async (input: operations.ResetPasswordInput) =>
      outcome(await anybody(operations.resetPasswordDocument, { input })),
    /** Mails a code to the new address: see `verifyOtp`. */
    changeEmail: (input: operations.ChangeEmailInput) => mail(signedIn(operations.changeEmailDocument, { input })),
    /** Undoes a change by the token of the link in its notice. */
    revertSecurityChange: async (variables: operations.RevertSecurityChangeMutationVariables) =>
      outcome(await anybody(operations.revertSecurityChangeDocument, variables)),

    /** Begins a proof that it is still the person who acts: see {@link Options.onReauthenticationRequired}, which does this by itself. */
    startReauthentication,
    /** Gives the proof. From then on the access token carries it, in all tabs. */
    reauthenticate,

    /** Whoever is signed in. */
    me,
    /** What a client must know to draw its forms. */
    authSettings: () => anybody(operations.authSettingsDocument, {}),
    /** Whether a username is well-formed and free. */
    usernameAvailable: (username: string) => anybody(operations.usernameAvailableDocument, { username }),
    /** Changes what is said in it of one's profile. */
    updateProfile: (input: operations.UpdateProfileInput) => ofUser(operations.updateProfileDocument, { input }),
    /** Changes the password, and ends the other sessions. */
    changePassword: async (input: operations.ChangePasswordInput) =>
      outcome(await signedIn(operations.changePasswordDocument, { input })),

    /** Begins a sign-in with Google: says where to send the person to. */
    startGoogleLogin: async (redirectUri?: string) =>
      outcome(await anybody(operations.startGoogleLoginDocument, { redirectUri })),
    /** Signs in with what Google gave. */
    googleLogin: (input: operations.GoogleLoginInput) => signIn(operations.googleLoginDocument, { input }),
    /** Links a Google account to whoever is signed in. */
    linkGoogle: (input: operations.GoogleLoginInput) => ofUser(operations.linkGoogleDocument, { input }),
    /** Unlinks it. */
    unlinkGoogle: () => ofUser(operations.unlinkGoogleDocument),
    /** The accounts elsewhere that sign this person in. */
    identities: async () => (await signedIn(operations.identitiesDocument)).identities,

    /** One user. */
    user: (id: string) => signedIn(operations.userDocument, { id }),
    /** A page of all users, for staff. */
    users: (variables: operations.UsersQueryVariables = {}) => signedIn(operations.usersDocument, variables),
    /** Says what a user may do. For superusers. */
    setUserRole: (id: string, role: operations.Role) => ofUser(operations.setUserRoleDocument, { id, role }),
    /** Says whether a user may sign in. For superusers. */
    setUserActive: (id: string, active: boolean) => ofUser(operations.setUserActiveDocument, { id, active }),

    /** A protected question to try things on. */
    dashboard: () => signedIn(operations.dashboardDocument),
    /** A protected change to try things on. */
    postToDashboard: (text: string) => signedIn(operations.postToDashboardDocument, { text }),
  };
}
