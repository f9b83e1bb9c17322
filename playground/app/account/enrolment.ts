import { go } from '../route';

/** Leads to the page to set up an authenticator app, if this refusal or fault requires one before anything else. */
export function leadToEnrolment(refused: unknown) {
  if ((refused as { code?: string } | undefined)?.code === 'ENROLMENT_REQUIRED') go('/security?required');
}
