// The second factors among the known values: the playground acts as the authenticator app.
import { canCompute, stepAt, totp } from './totp.js';

/** The proofs that Reauthenticate and VerifySecondFactor can send. */
export const PROOFS = {
  password: { password: '<password>' },
  emailCode: { emailCode: '<reauthenticationCode>' },
  totp: { totp: '<totp>' },
  passkey: { passkey: '<reauthenticationPasskey>' },
  secondFactorPasskey: { passkey: '<secondFactorPasskey>' },
};

/** Adds the secret of an app that is being enrolled. */
export function learnEnrolment({ enrolment, enrolmentCode, ...known }, { id, secret }) {
  return { ...known, enrolmentId: id, ...(secret && { enrolment: { secret } }) };
}

/** Adds the new recovery codes and, after an enrollment, the app. */
export function learnFactors(known, { id }, { recoveryCodes = [] }) {
  const codes = { recoveryCodes, recoveryCode: recoveryCodes[0] };
  if (!id || id !== known.enrolmentId) return { ...known, ...codes };
  const { enrolmentId, enrolment, enrolmentCode, totp, ...rest } = known;
  // the first code is spent as well
  return { ...rest, ...codes, sendCode: false, ...(enrolment && { authenticator: { secret: enrolment.secret, spent: enrolment.step } }) };
}

/** Removes the app and the recovery codes if the account has no second factor. */
export function learnRemoval(known, user) {
  if (user?.secondFactors?.length !== 0 || user.id !== known.userId) return known;
  const { authenticator, totp, recoveryCodes, recoveryCode, ...rest } = known;
  return rest;
}

/** Removes a code that was accepted, or that was refused because it was used before: each works once. */
export function spend(known, proof, outcome) {
  if (outcome?.__typename === 'UserError' && outcome.code !== 'INVALID_OTP') return known;
  if (proof?.recoveryCode) {
    const left = known.recoveryCodes?.filter((code) => code !== proof.recoveryCode) ?? [];
    const { recoveryCode, ...rest } = known;
    return { ...rest, recoveryCodes: left, ...(left[0] && { recoveryCode: left[0] }) };
  }
  if (!proof?.totp || proof.totp !== known.totp) return known;
  const { totp, authenticator, ...rest } = known;
  return { ...rest, authenticator: { ...authenticator, spent: authenticator.step } };
}

/** Returns what changes in `known` because of the time: the codes that the apps show. */
export async function codes({ enrolment, authenticator }, time) {
  if (!canCompute) return {};
  const now = stepAt(time);
  const next = Math.max(now, (authenticator?.spent ?? 0) + 1);
  const changes = {};
  if (enrolment && enrolment.step !== now) {
    changes.enrolmentCode = await totp(enrolment.secret, now);
    changes.enrolment = { ...enrolment, step: now };
  }
  // the server accepts the code after the current one, but none after that
  if (authenticator && authenticator.step !== next && next <= now + 1) {
    changes.totp = await totp(authenticator.secret, next);
    changes.authenticator = { ...authenticator, step: next };
  }
  return changes;
}
