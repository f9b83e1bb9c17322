// What the answers so far have told: tokens, ids, codes. Tabs' variables name them, as "<refreshToken>", and are filled in.

/** Known before anything is: whom the first tab signs up. */
export const BEGINNING = { email: 'mary@example.org', username: 'mary', password: 'correct horse battery' };

/** Mails that tell of security changes. Their links undo them. */
const NOTICES = ['password_changed', 'password_was_reset', 'email_changed', 'google_linked', 'google_unlinked'];

/** A text of variables with all that is known put in. What is not known yet goes on standing there by its name. */
export function fill(template, known) {
  return template.replace(/"<(\w+)>"/g, (name, key) => (key in known ? JSON.stringify(known[key]) : name));
}

/** `known`, and what an operation told that was run with these variables. */
export function learn(known, variables, data) {
  const { googleCode, ...rest } = known;
  // a code is good once
  const left = variables?.input?.authorizationCode ? rest : known;
  return Object.values(data ?? {}).reduce((all, outcome) => learnOutcome(all, variables ?? {}, outcome), left);
}

/** `known`, and what the newest mails hold. */
export function learnMails(known, mails) {
  const learnt = { ...known };
  const token = (...templates) => mails.find((mail) => mail.link && templates.includes(mail.template))?.link.split('token=')[1];
  // what proves that it is still you is another tab's
  const isAnswer = (mail) => mail.code && mail.to === known.challengeEmail && mail.template !== 'reauthentication';
  const code = mails.find(isAnswer)?.code;
  const [activationToken, resetToken, undoToken] = [token('activation'), token('password_reset'), token(...NOTICES)];
  return Object.assign(
    learnt,
    code && { code },
    activationToken && { activationToken },
    resetToken && { resetToken },
    undoToken && { undoToken },
  );
}

/** `known`, and the code in the address at which Google has let somebody come back, if they had begun here. */
export function learnReturn(known, { searchParams }) {
  const [googleCode, state] = [searchParams.get('code'), searchParams.get('state')];
  return googleCode && state === known.googleState ? { ...known, googleCode } : known;
}

/** `known`, signed out. */
export function forgetSession({ accessToken, refreshToken, sessionId, ...known }) {
  return known;
}

function learnOutcome(known, variables, outcome) {
  switch (outcome?.__typename) {
    case 'AuthPayload':
      return learnChallenge({ ...known, ...signedIn(known, variables.input, outcome) }, outcome.emailChallenge);
    case 'EmailChallenge':
      return learnChallenge({ ...known, ...proven(variables.input) }, outcome);
    case 'PasswordChanged':
      return learnEnd({ ...known, password: variables.input.newPassword }, outcome);
    case 'SessionsEnded':
      return learnEnd(known, outcome);
    case 'Reauthentication':
      return { ...known, reauthenticationId: outcome.id };
    case 'Reauthenticated':
      return { ...known, accessToken: outcome.accessToken };
    case 'GoogleAuthorization':
      return { ...known, googleState: outcome.state, googleCodeVerifier: outcome.codeVerifier };
  }
  const another = outcome?.sessions?.find((session) => session.isCurrent === false);
  const somebody = outcome?.nodes?.find((user) => user.id !== known.userId);
  return { ...known, ...(another && { otherSessionId: another.id }), ...(somebody && { otherUserId: somebody.id }) };
}

function signedIn(known, input, { accessToken, refreshToken, session, user }) {
  const isAnother = known.sessionId && known.sessionId !== session.id;
  return {
    accessToken,
    // none is sent where the session goes on
    refreshToken: refreshToken ?? known.refreshToken,
    sessionId: session.id,
    userId: user.id,
    ...(user.email && { email: user.email }),
    ...(isAnother && { otherSessionId: known.sessionId }),
    ...proven(input),
  };
}

/** A password that was right. */
function proven(input) {
  return input?.password && { password: input.password };
}

/** The challenge that a code answers; a link needs none. */
function learnChallenge(known, challenge) {
  if (!challenge || challenge.purpose === 'RESET_PASSWORD') return known;
  const { code, ...rest } = known;
  return { ...rest, challengeId: challenge.id, challengeEmail: challenge.email };
}

function learnEnd(known, { endedSessionIds }) {
  return endedSessionIds.includes(known.sessionId) ? forgetSession(known) : known;
}
