import { go } from '../route';

/** Opens the page for setting up a second factor if this refusal or fault says that the user must do so first. */
export function leadToEnrolment(refused: unknown) {
  if ((refused as { code?: string } | undefined)?.code === 'ENROLMENT_REQUIRED') go('/security?required');
}
