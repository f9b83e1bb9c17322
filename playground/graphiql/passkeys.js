// Passkeys among the known values. Only a browser can use one: the button below the response asks it to, and fills in the
// credential.

/** The fields that start a ceremony, with the prefix of their values and the operation that finishes it. */
const CEREMONIES = {
  startPasskeyLogin: ['login', 'PasskeyLogin'],
  startPasskeySignup: ['signup', 'PasskeySignup'],
  startPasskeyEnrolment: ['enrolment', 'FinishPasskeyEnrolment'],
};

/** The prefix of the values for a proof, by the type of the outcome that asks for it, and the operation that takes it. */
const PROOFS = {
  Reauthentication: ['reauthentication', 'Reauthenticate'],
  SecondFactorChallenge: ['secondFactor', 'VerifySecondFactor'],
};

/** The values that work once, by the field that takes them. */
const SPENT = {
  passkeyLogin: 'loginPasskey',
  passkeySignup: 'signupPasskey',
  finishPasskeyEnrolment: 'enrolmentPasskey',
  reauthenticate: 'reauthenticationPasskey',
  verifySecondFactor: 'secondFactorPasskey',
};

/** Returns what the outcome of a field asks of the browser: `{ name, options, isNew, next }`. `name` is the name of the value. */
export function ceremonyOf(field, outcome) {
  const { __typename: type, options = outcome?.passkeyOptions } = outcome ?? {};
  const [prefix, next] = (type === 'PasskeyCeremony' ? CEREMONIES[field] : PROOFS[type]) ?? [];
  return prefix && options ? { name: `${prefix}Passkey`, options, isNew: 'user' in options, next } : null;
}

/** Adds the ID of a ceremony. A credential for an earlier ceremony is no longer of use. */
export function learnCeremony(known, field, outcome) {
  const ceremony = ceremonyOf(field, outcome);
  if (!ceremony) return known;
  const { [ceremony.name]: _, ...rest } = known;
  return { ...rest, ...(outcome.__typename === 'PasskeyCeremony' && { [`${CEREMONIES[field][0]}CeremonyId`]: outcome.id }) };
}

/** Removes a credential that has been used. */
export function spendPasskey(known, field, outcome) {
  const isSpent = outcome?.__typename !== 'UserError' || ['INVALID_TOKEN', 'INVALID_CREDENTIALS', 'INVALID_OTP'].includes(outcome.code);
  if (!SPENT[field] || !isSpent) return known;
  const { [SPENT[field]]: _, ...rest } = known;
  return rest;
}

/** Adds a passkey, and the recovery codes that came with it. */
export function learnPasskey(known, { passkey, id = passkey?.id, recoveryCodes }) {
  return { ...known, ...(id && { passkeyId: id }), ...(recoveryCodes && { recoveryCodes, recoveryCode: recoveryCodes[0] }), sendCode: false };
}
