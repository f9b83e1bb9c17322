import type { UserFragment } from '../../client';

/** Returns the page to show after a sign-in: what a new account lacks comes first. */
export function homeOf({ hasPassword, secondFactors, recoveryCodesLeft }: UserFragment): string {
  if (secondFactors.includes('PASSKEY')) return recoveryCodesLeft ? '/profile' : '/security';
  return hasPassword ? '/profile' : '/password';
}
