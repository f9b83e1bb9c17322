import { changer } from './changed';
import type { Gatehouse } from './gatehouse';
import {
  finishTotpEnrolmentDocument,
  regenerateRecoveryCodesDocument,
  removeTotpDocument,
  resetSecondFactorsDocument,
  startTotpEnrolmentDocument,
} from './generated';
import { outcome } from './outcome';

/**
 * Creates the functions that manage authenticator apps and recovery codes. They are not part of {@link Gatehouse}, so that only pages
 * that need them load them. To sign in with a second factor, call `gatehouse.verifySecondFactor`.
 *
 * Starting an enrollment, removing the app and replacing the codes require a recent proof of identity. For the first second factor
 * of an account with an email address, only an emailed code counts. Afterwards, only second factors count.
 */
export function secondFactors({ run, accessToken }: Pick<Gatehouse, 'run' | 'accessToken'>) {
  const changed = changer({ accessToken });
  return {
    /** Starts the setup of an authenticator app. Returns the secret for the app as text and as a QR code. */
    startTotpEnrolment: async () => outcome((await run(startTotpEnrolmentDocument)).answer),
    /** Finishes the setup with the first code from the app. Returns recovery codes, and ends the other sessions. */
    finishTotpEnrolment: async (id: string, code: string) => changed(await run(finishTotpEnrolmentDocument, { id, code })),
    /** Replaces all recovery codes. */
    regenerateRecoveryCodes: async () => changed(await run(regenerateRecoveryCodesDocument)),
    /** Removes the authenticator app and, if the account has no passkey, the recovery codes. */
    removeTotp: async () => changed(await run(removeTotpDocument)),
    /** Removes all second factors of another user, who has lost them. For superusers. */
    resetSecondFactors: async (id: string) => outcome((await run(resetSecondFactorsDocument, { id })).answer),
  };
}
