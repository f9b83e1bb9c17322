import { Fault, type UserError } from '../client';

/** A refusal in this app's own words. Whoever adds a code to the schema is told by the compiler that this lacks it. */
export function wordsFor({ code, message, retryAfter }: UserError): string {
  switch (code) {
    case 'INVALID_CREDENTIALS':
      return 'That is not the right password, or there is no such account.';
    case 'INVALID_OTP':
      return 'This code is wrong or no longer good. Check it, or ask for another.';
    case 'INVALID_TOKEN':
      return 'This link was used already, or it has expired. Ask for another.';
    case 'ACCOUNT_DISABLED':
      return 'This account is deactivated. Turn to those who run this service.';
    case 'EMAIL_TAKEN':
      return 'There is an account with this address. Log in, or choose another address.';
    case 'USERNAME_TAKEN':
      return 'Somebody has this username. Choose another.';
    case 'RATE_LIMITED':
      return `That was too often in too short a time. Try again in ${duration(retryAfter ?? 60)}.`;
    case 'SERVER_BUSY':
      return 'The server is busy. Try again in a moment.';
    case 'NOT_ENABLED':
      return 'This is switched off here.';
    case 'GOOGLE_REJECTED':
      return 'Google does not vouch for this sign-in. Begin again.';
    case 'GOOGLE_UNAVAILABLE':
      return 'Google does not answer. Try again in a minute.';
    case 'LINK_REQUIRED':
      return 'There is an account with this address. Log in to it, and link Google in your profile.';
    case 'IDENTITY_TAKEN':
      return 'This Google account belongs to somebody else here.';
    case 'LAST_SIGN_IN_METHOD':
      return 'This is your only way in. Set a password first.';
    case 'NOT_FOUND':
      return 'There is no such user.';
    case 'INVALID_INPUT':
    case 'NOT_ALLOWED':
    case 'unknown':
      return message;
    default:
      return impossible(code);
  }
}

/** Why there was no outcome, in words. */
export function wordsForFault(fault: unknown): string {
  if (!(fault instanceof Fault)) throw fault;
  switch (fault.code) {
    case 'UNREACHABLE':
      return 'The server does not answer. Check your connection, and try again.';
    case 'UNAUTHENTICATED':
      return 'You are signed out. Log in again.';
    case 'FORBIDDEN':
      return 'You may not do this.';
    case 'LIMIT_EXCEEDED':
      return `That was too often in too short a time. Try again in ${duration(fault.retryAfter ?? 60)}.`;
    case 'SERVICE_UNAVAILABLE':
      return 'The server is busy. Try again in a moment.';
    case 'BAD_REQUEST':
    case 'INTERNAL':
    case 'unknown':
      return 'The server could not do this. Try again in a minute.';
    default:
      return impossible(fault.code);
  }
}

/** A server that is newer than this app has answered with something new. */
export const NEWER = 'The server asks for something that this app does not know. Reload the page.';

/** Ends a switch that has a case for everything: the compiler refuses it while one is missing. */
export function impossible(never: never): never {
  throw new Error(`unforeseen: ${JSON.stringify(never)}`);
}

export function duration(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 90) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

export function dateAndTime(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
