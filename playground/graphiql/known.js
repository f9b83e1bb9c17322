// What the answers so far have told: tokens, ids, codes. Tabs' variables name them, as "<refreshToken>", and are filled in.

/** Known before anything is: whom the first tab signs up, and the address that they move to later. */
export const BEGINNING = {
  email: 'mary@example.org',
  newEmail: 'mary.somerville@example.org',
  username: 'mary',
  password: 'correct horse battery',
};

/** Another person to begin with, where there is a mary already. */
export function anotherBeginning() {
  const number = Math.floor(1000 + Math.random() * 9000);
  return { email: `mary${number}@example.org`, newEmail: `mary.somerville${number}@example.org`, username: `mary${number}` };
}

/** Mails that tell of security changes. Their links undo them. */
const NOTICES = ['password_changed', 'password_was_reset', 'email_changed', 'google_linked', 'google_unlinked'];

/** A text of variables with all that is known put in. What is not known yet goes on standing there by its name. */
export function fill(template, known) {
  return template.replace(/"<(\w+)>"/g, (name, key) => (key in known ? JSON.stringify(known[key]) : name));
}

/** The placeholders in these texts, by their names. */
export function missing(...texts) {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/"<(\w+)>"/g)]).map(([, name]) => name))];
}

/**
 * `known`, and what an operation told that was run with these variables. `newestMail` is the newest mail of before: what it asked
 * to have mailed is in a later one. Without it, what was mailed stays known.
 */
export function learn(known, variables, data, newestMail) {
  const { googleCode, ...rest } = known;
  // a code is good once
  const left = variables?.input?.authorizationCode ? rest : known;
  return Object.values(data ?? {}).reduce((all, outcome) => learnOutcome(all, variables ?? {}, outcome, newestMail), left);
}

/** `known`, and what the newest mails hold. */
export function learnMails(known, mails) {
  const learnt = { ...known };
  const read = mails.findIndex((mail) => mail.id === known.readMail);
  const fresh = read === -1 ? mails : mails.slice(0, read);
  const tokenIn = (mails, ...templates) => mails.find((mail) => mail.link && templates.includes(mail.template))?.link.split('token=')[1];
  // what proves that it is still you is another tab's
  const isAnswer = (mail) => mail.code && mail.to === known.challengeEmail && mail.template !== 'reauthentication';
  const code = fresh.find(isAnswer)?.code;
  const mailedTo = (address) => fresh.filter((mail) => mail.to === address);
  const activationToken = tokenIn(mailedTo(known.challengeEmail ?? known.email), 'activation');
  const resetToken = tokenIn(mailedTo(known.resetEmail ?? known.email), 'password_reset');
  const undoToken = tokenIn(mails, ...NOTICES);
  return Object.assign(
    learnt,
    code && { code },
    activationToken && { activationToken },
    resetToken && { resetToken },
    undoToken && { undoToken },
  );
}

/** Whether a mail proves an address by a link. Other mails have a code, however addresses are proven. */
export function isProvenByLink({ purpose, method }) {
  return method === 'LINK' && !['SIGN_IN', 'CHANGE_EMAIL', 'RESET_PASSWORD'].includes(purpose);
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

function learnOutcome(known, variables, outcome, newestMail) {
  switch (outcome?.__typename) {
    case 'AuthPayload':
      return learnChallenge({ ...answered(known, variables, newestMail), ...signedIn(known, variables.input, outcome) }, outcome.emailChallenge, newestMail);
    case 'EmailChallenge':
      return learnChallenge({ ...known, ...proven(variables.input) }, outcome, newestMail);
    case 'PasswordChanged':
      return learnEnd({ ...reset(known, variables.input, newestMail), password: variables.input.newPassword }, outcome);
    case 'SessionsEnded':
      return learnEnd(known, outcome);
    case 'Reauthentication':
      return { ...known, reauthenticationId: outcome.id };
    case 'Reauthenticated':
      return { ...known, accessToken: outcome.accessToken };
    case 'GoogleAuthorization':
      return { ...known, googleState: outcome.state, googleCodeVerifier: outcome.codeVerifier };
    case 'UserError':
      return learnRefusal(known, variables.input, outcome);
  }
  const another = outcome?.sessions?.find((session) => session.isCurrent === false);
  const somebody = outcome?.nodes?.find((user) => user.id !== known.userId);
  return { ...known, ...(another && { otherSessionId: another.id }), ...(somebody && { otherUserId: somebody.id }) };
}

function signedIn(known, input, { accessToken, refreshToken, session, user, emailChallenge }) {
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
    hasAccount: true,
    // a sign-up that mails nothing: addresses are taken as given
    ...(input?.email && emailChallenge === null && { isUnproven: true }),
  };
}

/** Drops the id of a challenge that was answered, and what was mailed for it: both are good once. */
function answered(known, { input, token }, newestMail) {
  if (!newestMail || (!input?.otp && !token)) return known;
  const { code, activationToken, ...rest } = known;
  return { ...rest, challengeId: null, readMail: newestMail };
}

/** A sign-up that was refused tells that there is such an account. */
function learnRefusal(known, input, { code }) {
  if (code === 'EMAIL_TAKEN' && input?.email === known.email) return { ...known, hasAccount: true };
  if (code === 'USERNAME_TAKEN' && input?.username === known.username) return { ...known, username: anotherBeginning().username };
  return known;
}

/** Drops the token of a reset: it is good once. */
function reset(known, { token }, newestMail) {
  if (!newestMail || !token) return known;
  const { resetToken, ...rest } = known;
  return { ...rest, readMail: newestMail };
}

/** A password that was right. */
function proven(input) {
  return input?.password && { password: input.password };
}

/** The challenge that a code answers; a link needs none. */
function learnChallenge(known, challenge, newestMail) {
  if (!challenge) return known;
  const { code, resetToken, activationToken, ...rest } = known;
  const { id, email, purpose } = challenge;
  // what was mailed before is no answer to this one
  if (purpose === 'RESET_PASSWORD') return { ...rest, ...(code && { code }), readMail: newestMail, resetEmail: email };
  const isByLink = isProvenByLink(challenge) || known.isByLink;
  return { ...rest, ...(resetToken && { resetToken }), readMail: newestMail, challengeId: id, challengeEmail: email, isByLink };
}

function learnEnd({ otherSessionId, ...known }, { endedSessionIds }) {
  const left = endedSessionIds.includes(otherSessionId) || !otherSessionId ? known : { ...known, otherSessionId };
  return endedSessionIds.includes(known.sessionId) ? forgetSession(left) : left;
}
