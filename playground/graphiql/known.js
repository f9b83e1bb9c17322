// The values known from previous responses and emails: tokens, IDs, codes. The variables of a tab have placeholders for them, such
// as "<refreshToken>", which are filled in.
import { learnCeremony, learnPasskey, spendPasskey } from './passkeys.js';
import { learnEnrolment, learnFactors, learnRemoval, PROOFS, spend } from './second_factors.js';

/** The initial values: the user that the first tab signs up, their later email address, and how they reauthenticate. */
export const BEGINNING = {
  email: 'mary@example.org',
  newEmail: 'mary.somerville@example.org',
  username: 'mary',
  password: 'correct horse battery',
  passkeyEmail: 'mary.fairfax@example.org',
  sendCode: false,
  proof: PROOFS.password,
  secondFactorProof: PROOFS.totp,
};

/** Returns another user to start with, for a server where mary already exists. */
export function anotherBeginning() {
  const number = Math.floor(1000 + Math.random() * 9000);
  return { email: `mary${number}@example.org`, newEmail: `mary.somerville${number}@example.org`, passkeyEmail: `mary.fairfax${number}@example.org`, username: `mary${number}` };
}

/** The templates of emails on security changes, whose links undo the change. */
const NOTICES = [
  'password_changed', 'password_was_reset', 'email_changed', 'identity_linked', 'identity_unlinked',
  'second_factor_enabled', 'second_factor_removed', 'recovery_codes_replaced', 'passkey_added', 'passkey_removed',
];

/** Returns a template of variables with all known values filled in. Placeholders for unknown values stay. */
export function fill(template, known) {
  const value = (key) => JSON.stringify(known[key], null, 2).replaceAll('\n', '\n  ');
  const replace = (text) => text.replace(/"<(\w+)>"/g, (name, key) => (key in known ? value(key) : name));
  // a proof has a placeholder of its own
  return replace(replace(template));
}

/** Returns the names of the placeholders in these texts. */
export function missing(...texts) {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/"<(\w+)>"/g)]).map(([, name]) => name))];
}

/**
 * Adds to `known` the values in the response to an operation with these variables. `newestMail` is the newest email from before the
 * operation: emails that the operation requested are newer. If it is omitted, emailed values stay known.
 */
export function learn(known, variables, data, newestMail) {
  const { providerCode, ...rest } = known;
  // a code works once
  const { authorizationCode } = variables?.input?.proof ?? variables?.input ?? {};
  const left = authorizationCode ? rest : known;
  return Object.entries(data ?? {}).reduce((all, [field, outcome]) => {
    const spent = spendPasskey(spend(all, variables?.proof, outcome), field, outcome);
    return learnOutcome(learnCeremony(spent, field, outcome), variables ?? {}, outcome, newestMail, field);
  }, left);
}

/** Adds to `known` the values in the newest emails. */
export function learnMails(known, mails) {
  const learnt = { ...known };
  const read = mails.findIndex((mail) => mail.id === known.readMail);
  const fresh = read === -1 ? mails : mails.slice(0, read);
  const tokenIn = (mails, ...templates) => mails.find((mail) => mail.link && templates.includes(mail.template))?.link.split('token=')[1];
  // a reauthentication code belongs to another tab
  const isAnswer = (mail) => mail.code && mail.to === known.challengeEmail && mail.template !== 'reauthentication';
  const code = fresh.find(isAnswer)?.code;
  const reauthenticationCode = fresh.find((mail) => mail.template === 'reauthentication')?.code;
  const mailedTo = (address) => fresh.filter((mail) => mail.to === address);
  const activationToken = tokenIn(mailedTo(known.challengeEmail ?? known.email), 'activation');
  // the link also names the account
  const loginToken = tokenIn(mailedTo(known.challengeEmail), 'login_code')?.split('&')[0];
  const resetToken = tokenIn(mailedTo(known.resetEmail ?? known.email), 'password_reset');
  const undoToken = tokenIn(mails, ...NOTICES);
  return Object.assign(
    learnt,
    code && { code },
    reauthenticationCode && { reauthenticationCode },
    activationToken && { activationToken },
    loginToken && { loginToken },
    resetToken && { resetToken },
    undoToken && { undoToken },
  );
}

/** Returns whether a challenge is answered by an activation link. Other emails have a code or a reset link, whatever the method. */
export function isProvenByLink({ purpose, method }) {
  return method === 'LINK' && !['SIGN_IN', 'CHANGE_EMAIL', 'RESET_PASSWORD'].includes(purpose);
}

/** Adds to `known` the code in the URL that the provider redirected to, if the sign-in was started here. */
export function learnReturn(known, { searchParams }) {
  const [providerCode, state] = [searchParams.get('code'), searchParams.get('state')];
  return providerCode && state === known.providerState ? { ...known, providerCode } : known;
}

/** Removes the session from `known`. */
export function forgetSession({ accessToken, refreshToken, sessionId, ...known }) {
  return known;
}

function learnOutcome(known, variables, outcome, newestMail, field) {
  switch (outcome?.__typename) {
    case 'AuthPayload':
      return learnChallenge({ ...answered(known, variables, newestMail), ...signedIn(known, variables.input, outcome) }, outcome.emailChallenge, newestMail);
    case 'EmailChallenge':
      return learnChallenge({ ...known, ...proven(variables.input) }, outcome, newestMail);
    case 'SecondFactorChallenge':
      return learnSecondFactor({ ...answered(known, variables, newestMail), ...proven(variables.input) }, outcome);
    case 'TotpEnrolment':
      return learnEnrolment(known, outcome);
    case 'SecondFactorsEnabled':
      return learnEnd(learnFactors(known, variables, outcome), outcome);
    case 'PasswordChanged':
      return learnEnd({ ...reset(known, variables.input, newestMail), password: variables.input.newPassword }, outcome);
    case 'PasskeyEnrolled':
      return learnEnd(learnPasskey(known, outcome), outcome);
    case 'Passkey':
      return learnPasskey(known, outcome);
    case 'SessionsEnded':
      return learnEnd(known, outcome);
    case 'Reauthentication':
      return learnReauthentication(known, outcome, newestMail);
    case 'Reauthenticated':
      return { ...known, accessToken: outcome.accessToken, proof: PROOFS.password };
    case 'ProviderAuthorization':
      return { ...known, providerState: outcome.state, providerCodeVerifier: outcome.codeVerifier };
    case 'UserError':
      return learnRefusal(known, variables.input, outcome, field);
  }
  const another = outcome?.sessions?.find((session) => session.isCurrent === false);
  const [identity] = outcome?.identities ?? outcome?.user?.identities ?? [];
  const somebody = outcome?.nodes?.find((user) => user.id !== known.userId);
  return { ...learnRemoval(known, outcome), ...(another && { otherSessionId: another.id }), ...(identity?.id && { identityId: identity.id }), ...(somebody && { otherUserId: somebody.id }) };
}

/** Adds a reauthentication, and the first of its methods that the playground knows a proof for. */
function learnReauthentication({ reauthenticationCode, ...known }, { id, methods, emailChallenge }, newestMail) {
  const kind = methods?.includes('TOTP') ? 'totp' : (methods?.includes('PASSKEY') ? 'passkey' : (emailChallenge ? 'emailCode' : 'password'));
  return { ...known, ...(emailChallenge && { readMail: newestMail }), reauthenticationId: id, proof: PROOFS[kind] };
}

/** Adds a challenge, and the first of its methods that the playground knows a proof for. */
function learnSecondFactor(known, { id, methods }) {
  const secondFactorProof = methods?.includes('TOTP') || !methods?.includes('PASSKEY') ? PROOFS.totp : PROOFS.secondFactorPasskey;
  return { ...known, secondFactorChallengeId: id, secondFactorProof, hasAccount: true };
}

function signedIn(known, input, { accessToken, refreshToken, session, user, emailChallenge }) {
  const isAnother = known.sessionId && known.sessionId !== session.id;
  return {
    accessToken,
    // none is sent if the session continues
    refreshToken: refreshToken ?? known.refreshToken,
    sessionId: session.id,
    userId: user.id,
    ...(user.email && { email: user.email }),
    ...(isAnother && { otherSessionId: known.sessionId }),
    ...proven(input),
    ...(user.emailVerified !== undefined && { sendCode: user.emailVerified && !known.authenticator }),
    hasAccount: true,
    // the sign-up sent no email, so email addresses are not verified
    ...(input?.email && emailChallenge === null && { isUnproven: true }),
  };
}

/** Removes the ID of an answered challenge, and the emailed values for it: both work once. */
function answered({ secondFactorChallengeId, ...known }, { input, token }, newestMail) {
  if (!newestMail || (!input?.otp && !token)) return known;
  const { code, activationToken, loginToken, confirmationNumber, ...rest } = known;
  return { ...rest, challengeId: null, readMail: newestMail };
}

/** Learns from a refused sign-up that the account exists, and from other refusals whether a code can be emailed, or must be. */
function learnRefusal(known, input, { code }, field) {
  if (['NOT_ENABLED', 'SECOND_FACTOR_REQUIRED'].includes(code) && field === 'startReauthentication') return { ...known, sendCode: false };
  if (['startTotpEnrolment', 'startPasskeyEnrolment'].includes(field) && code === 'REAUTHENTICATION_REQUIRED') return { ...known, sendCode: !known.authenticator };
  if (field === 'startPasskeySignup' && code === 'EMAIL_TAKEN') return { ...known, passkeyEmail: anotherBeginning().passkeyEmail };
  if (code === 'EMAIL_TAKEN' && input?.email === known.email) return { ...known, hasAccount: true };
  if (code === 'USERNAME_TAKEN' && input?.username === known.username) return { ...known, username: anotherBeginning().username };
  return known;
}

/** Removes the token of a reset, which works once. */
function reset(known, { token }, newestMail) {
  if (!newestMail || !token) return known;
  const { resetToken, ...rest } = known;
  return { ...rest, readMail: newestMail };
}

/** Returns the password, which was correct. */
function proven(input) {
  return input?.password && { password: input.password };
}

/** Adds to `known` the challenge that awaits a code; a link needs none. */
function learnChallenge(known, challenge, newestMail) {
  if (!challenge) return known;
  const { code, resetToken, activationToken, loginToken, ...rest } = known;
  const { id, email, purpose, confirmationNumber } = challenge;
  // earlier emails do not belong to this challenge
  if (purpose === 'RESET_PASSWORD') return { ...rest, ...(code && { code }), ...(loginToken && { loginToken }), readMail: newestMail, resetEmail: email };
  const isByLink = isProvenByLink(challenge) || known.isByLink;
  return { ...rest, ...(resetToken && { resetToken }), readMail: newestMail, challengeId: id, challengeEmail: email, isByLink, ...(confirmationNumber && { confirmationNumber }) };
}

function learnEnd({ otherSessionId, ...known }, { endedSessionIds = [] }) {
  const left = endedSessionIds.includes(otherSessionId) || !otherSessionId ? known : { ...known, otherSessionId };
  return endedSessionIds.includes(known.sessionId) ? forgetSession(left) : left;
}
