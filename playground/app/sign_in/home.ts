import type { UserFragment } from '../../client';

/** Returns the page to show after a sign-in. If a new account lacks something, this is the page for adding it. */
export function homeOf({ hasPassword, secondFactors, recoveryCodesLeft }: UserFragment): string {
  if (secondFactors.includes('PASSKEY')) return recoveryCodesLeft ? '/profile' : '/security';
  return hasPassword ? '/profile' : '/password';
}
