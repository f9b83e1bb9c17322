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

/** The options of a client. */
export type Options = {
  /** The URL of the server's `/graphql`. */
  url: string;
  /** Where to keep the refresh token. */
  keep: Keep;
  /** Whether to subscribe to session events, such as the end of the session. Default: true. */
  events?: boolean | undefined;
  /**
   * Asks the user for a proof of identity, such as their password, when the server requires reauthentication. Once the server accepts the
   * proof, the refused request is sent again. If the user cancels, the function that sent the request returns the refusal. If a proof is
   * wrong, this function is called again with the `refusal`. Requests that are refused in the meantime wait for the same proof.
   */
  onReauthenticationRequired?: AskForProof | undefined;
};

/** A client, as {@link createGatehouse} creates it. */
export type Gatehouse = ReturnType<typeof createGatehouse>;

/**
 * Creates a client of a server. An app needs only one client, and all tabs of the app share the session.
 *
 * The functions have the names of the schema's fields. If a field returns a union, the function returns an {@link Outcome}. If there is
 * no outcome, for example because the server does not respond or no user is signed in, it throws a {@link Fault}.
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
   * Runs an operation as the signed-in user. Repeats it if the access token is refused or lacks a recent reauthentication. In both cases,
   * the server has not run it.
   */
  async function run<Result, Variables>(document: Document<Result, Variables>, ...[variables]: VariablesOf<Variables>) {
    const asked = viewer();
    const send = () => sendAs(asked, document, variables as Variables);
    let sent = await send();
    // another request or tab may have reauthenticated in the meantime
    if (needsProof(sent.data) && session.heldToken() !== sent.accessToken) sent = await send();
    if (needsProof(sent.data) && (await proven())) sent = await send();
    return sent.data;
  }

  async function sendAs<Result, Variables>(asked: string | undefined, document: Document<Result, Variables>, variables: Variables) {
    const tokenOther = async (stale?: string) => {
      const accessToken = await session.accessToken(stale);
      const now = viewer();
      if (asked && now && now !== asked) throw new Fault('UNAUTHENTICATED', 'Another user signed in.');
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

  /** Runs a public operation whose result is a union. */
  async function ask<Answer extends { kind: string }, Variables>(document: Asked<Answer, Variables>, variables: Variables) {
    return outcome(await anybody(document, variables));
  }

  async function signIn<Answer extends { kind: string }, Variables>(
    document: Asked<Answer, Variables>,
    variables: Variables,
    accessToken?: string,
  ) {
    const answer = await session.signIn(async () => (await post(document, variables, accessToken)).answer);
    return outcome(challenges.keep(answer));
  }

  /** Signs in with the response to a challenge. After that, the pending email challenges are no longer needed. */
  async function answer<Answer extends { kind: string }, Variables>(document: Asked<Answer, Variables>, variables: Variables) {
    const proven = await signIn(document, variables, await session.accessToken());
    if (proven.kind === 'AuthPayload') challenges.forget();
    return proven;
  }

  /** Stores the challenge that a request for an email returns. */
  async function mail<Answer extends { kind: string }>(asked: Promise<Answer>) {
    return outcome(challenges.keep(await asked));
  }

  /** Runs a mutation whose result is a union. If the result is the signed-in user, also updates the state. */
  async function mutate<Answer extends { kind: string }, Variables>(
    document: Asked<Answer, Variables>,
    ...variables: VariablesOf<Variables>
  ) {
    const answer = await signedIn(document, ...variables);
    if (answer.kind === 'User') session.know(answer as unknown as operations.UserFragment);
    return outcome(answer);
  }

  const startReauthentication = (sendCode = false) => mutate(operations.startReauthenticationDocument, { sendCode });

  async function reauthenticate(id: string, proof: operations.ReauthenticationProof) {
    const accessToken = await session.accessToken();
    return outcome(
      await session.reauthenticate(async () => (await post(operations.reauthenticateDocument, { id, proof }, accessToken)).answer),
    );
  }

  const proven = reauthenticator(onReauthenticationRequired, startReauthentication, reauthenticate);

  async function me() {
    const user = await signedIn(operations.meDocument);
    session.know(user);
    return user;
  }

  const stream = events ? new SessionEvents(url, session, me) : undefined;

  return {
    /** Returns the state of the session: the same object until it changes. */
    state: () => session.state,
    /** Calls `listener` whenever {@link Gatehouse.state} changes. Returns a function that unsubscribes. */
    subscribe(listener: () => void) {
      const unsubscribe = session.subscribe(listener);
      session.start();
      return unsubscribe;
    },
    /** Returns the state for rendering on a server and for hydration: the third argument of `useSyncExternalStore`. */
    serverState: () => RESUMING,
    /** Calls `listener` with the events that concern the signed-in user's sessions and account. Returns a function that unsubscribes. */
    onEvent: (listener: (event: SessionEvent) => void) => stream?.subscribe(listener) ?? (() => {}),
    /**
     * Returns a valid access token, to call other services with, or `undefined` if no user is signed in. If a service has refused a
     * token, pass it as `stale` to get a different one.
     */
    accessToken: (stale?: string) => session.accessToken(stale),
    /**
     * Takes over a session that another page of this site has started, such as the server's `/sign-in`, which emails link to. In cookie
     * mode, call this when your sign-in page is opened or becomes visible again.
     */
    adopt: () => session.adopt(),
    /** Runs one of the app's own operations as the signed-in user. */
    run,
    /** The IDs of the pending email challenges of this browser. */
    challenges,
    /** Stops all background work. */
    close() {
      stream?.close();
      session.close();
    },

    /** Runs a sign-in of another module, such as `passkeys.ts`. */
    signIn,
    /** Signs up, and signs in unless the email address must be verified first. */
    signup: (input: operations.SignupInput) => signIn(operations.signupDocument, { input }),
    /** Signs in with a username or email address and a password. */
    login: (input: operations.LoginInput) => signIn(operations.loginDocument, { input }),
    /** Completes a sign-in whose outcome was a `SecondFactorChallenge`. */
    verifySecondFactor: (id: string, proof: operations.SecondFactorProof) => answer(operations.verifySecondFactorDocument, { id, proof }),
    /** Signs out in all tabs. If it throws, the user is still signed in. */
    logout: () =>
      session.signOut(async (kept) => {
        const variables = { refreshToken: kept?.refreshToken };
        return (await post(operations.logoutDocument, variables, session.heldToken())).answer;
      }),
    /** Signs out on all devices. */
    async logoutAll() {
      const answer = await signedIn(operations.logoutAllDocument);
      return session.signOut(async () => answer);
    },
    /** Ends a session on any device. */
    async revokeSession(id: string) {
      const answer = await signedIn(operations.revokeSessionDocument, { id });
      if (answer.endedSessionIds.includes(id)) session.end(id);
      return answer;
    },
    /** Returns the sessions of the signed-in user, newest first. */
    sessions: async () => (await signedIn(operations.sessionsDocument)).sessions,

    /**
     * Verifies an email address, or signs in, with an emailed code. If this browser requested the challenge, also sends its ID. Without
     * the ID, the server removes the password chosen at sign-up.
     */
    verifyOtp: (input: operations.VerifyOtpInput) =>
      answer(operations.verifyOtpDocument, { input: { ...input, challengeId: input.challengeId ?? challenges.newest(input.email) } }),
    /** Emails another code. */
    resendOtp: ({ email, challengeId = challenges.newest(email) }: operations.ResendOtpMutationVariables) =>
      mail(anybody(operations.resendOtpDocument, { email, challengeId })),
    /**
     * Verifies an email address, or signs in, with the token of an emailed link. After a sign-up in this browser, also sends the ID of its
     * challenge.
     */
    activateAccount: ({ challengeId = challenges.of('VERIFY_EMAIL'), ...rest }: operations.ActivateAccountMutationVariables) =>
      answer(operations.activateAccountDocument, { challengeId, ...rest }),
    /** Emails another activation link. */
    resendActivationEmail: ({ email, challengeId = challenges.of('VERIFY_EMAIL', email) }: operations.ResendActivationEmailMutationVariables) =>
      mail(anybody(operations.resendActivationEmailDocument, { email, challengeId })),
    /** Emails a code and a link to sign in with, for `verifyOtp` and `activateAccount`. */
    requestLoginCode: (email: string) => mail(anybody(operations.requestLoginCodeDocument, { email })),
    /** Emails a password reset link. */
    requestPasswordReset: (email: string) => ask(operations.requestPasswordResetDocument, { email }),
    /** Sets a new password with the token of a password reset link. */
    resetPassword: (input: operations.ResetPasswordInput) => ask(operations.resetPasswordDocument, { input }),
    /** Emails a code to the new email address, for `verifyOtp`. */
    changeEmail: (input: operations.ChangeEmailInput) => mail(signedIn(operations.changeEmailDocument, { input })),
    /** Reverts a security change with the token of the link in the email about the change. */
    revertSecurityChange: (variables: operations.RevertSecurityChangeMutationVariables) => ask(operations.revertSecurityChangeDocument, variables),

    /** Starts a reauthentication. Not needed with {@link Options.onReauthenticationRequired}. */
    startReauthentication,
    /** Completes a reauthentication. The new access token, which records it, replaces the old one in all tabs. */
    reauthenticate,

    /** Returns the signed-in user. */
    me,
    /** Returns the settings that sign-in and sign-up forms depend on. */
    authSettings: () => anybody(operations.authSettingsDocument, {}),
    /** Returns whether a username is available. */
    usernameAvailable: (username: string) => ask(operations.usernameAvailableDocument, { username }),
    /** Updates the given fields of the profile. */
    updateProfile: (input: operations.UpdateProfileInput) => mutate(operations.updateProfileDocument, { input }),
    /** Changes the password, and ends the other sessions. */
    changePassword: (input: operations.ChangePasswordInput) => mutate(operations.changePasswordDocument, { input }),

    /** Starts a sign-in with one of the providers in {@link authSettings}. Returns the URL to send the user to. */
    startProviderLogin: (provider: string, redirectUri?: string) => ask(operations.startProviderLoginDocument, { provider, redirectUri }),
    /** Signs in with a credential from a provider. */
    providerLogin: (input: operations.ProviderLoginInput) => signIn(operations.providerLoginDocument, { input }),
    /** Links an account at a provider to the signed-in user. */
    linkIdentity: (input: operations.ProviderLoginInput) => mutate(operations.linkIdentityDocument, { input }),
    /** Unlinks one of {@link identities}. */
    unlinkIdentity: (id: string) => mutate(operations.unlinkIdentityDocument, { id }),
    /** Returns the accounts at sign-in providers that are linked to the signed-in user. */
    identities: async () => (await signedIn(operations.identitiesDocument)).identities,

    /** Returns a user by ID. */
    user: (id: string) => signedIn(operations.userDocument, { id }),
    /** Returns a page of users. For staff. */
    users: async (variables: operations.UsersQueryVariables = {}) => (await signedIn(operations.usersDocument, variables))!,
    /** Changes the role of a user. For superusers. */
    setUserRole: (id: string, role: operations.Role) => mutate(operations.setUserRoleDocument, { id, role }),
    /** Activates or deactivates a user. For superusers. */
    setUserActive: (id: string, active: boolean) => mutate(operations.setUserActiveDocument, { id, active }),

    /** Runs a sample protected query. */
    dashboard: () => signedIn(operations.dashboardDocument),
    /** Runs a sample protected mutation. */
    postToDashboard: (text: string) => mutate(operations.postToDashboardDocument, { text }),
  };
}
