import { Fault, type UserError } from '../client';

/** A refusal in this app's own words. Whoever adds a code to the schema is told by the compiler that this lacks it. */
export function wordsFor({ code, message, retryAfter }: UserError): string {
  switch (code) {
    case 'INVALID_CREDENTIALS':
      return 'Incorrect username/email or password.';
    case 'INVALID_OTP':
      return 'This code is wrong or has expired. Check it, or ask for another.';
    case 'INVALID_TOKEN':
      return 'This link was used already, or it has expired. Ask for another.';
    case 'ACCOUNT_DISABLED':
      return 'This account is deactivated. Contact the people who run this service.';
    case 'EMAIL_TAKEN':
      return 'There is already an account with this address. Sign in, or use another address.';
    case 'USERNAME_TAKEN':
      return 'This username is taken. Choose another.';
    case 'RATE_LIMITED':
      return `Too many attempts. Try again in ${duration(retryAfter ?? 60)}.`;
    case 'SERVER_BUSY':
      return 'The server is busy. Try again in a moment.';
    case 'NOT_ENABLED':
      return 'This is switched off here.';
    case 'GOOGLE_REJECTED':
      return 'Google did not confirm this sign-in. Start again.';
    case 'GOOGLE_UNAVAILABLE':
      return 'Google does not answer. Try again in a minute.';
    case 'LINK_REQUIRED':
      return 'There is already an account with this address. Sign in to it, and link Google in your profile.';
    case 'IDENTITY_TAKEN':
      return 'This Google account is linked to another account here.';
    case 'LAST_SIGN_IN_METHOD':
      return 'This is your only way to sign in. Set a password first.';
    case 'REAUTHENTICATION_REQUIRED':
      return 'Nothing was changed. Confirm that it is you to make this change.';
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

/** What a wrong password comes to, where it is known whose it is. */
export const INCORRECT_PASSWORD = 'Incorrect password.';

/** A refusal to somebody who is signed in: wrong credentials can only be their current password, and are told at its field. */
export function atCurrentPassword(error: UserError): UserError {
  if (error.code !== 'INVALID_CREDENTIALS') return error;
  return { ...error, fields: [{ field: 'currentPassword', code: 'MISMATCH', message: INCORRECT_PASSWORD }] };
}

/** Why there was no outcome, in words. */
export function wordsForFault(fault: unknown): string {
  if (!(fault instanceof Fault)) throw fault;
  switch (fault.code) {
    case 'UNREACHABLE':
      return 'The server does not answer. Check your connection, and try again.';
    case 'UNAUTHENTICATED':
      return 'You are signed out. Sign in again.';
    case 'FORBIDDEN':
      return 'You are not allowed to do this.';
    case 'LIMIT_EXCEEDED':
      return `Too many attempts. Try again in ${duration(fault.retryAfter ?? 60)}.`;
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
export const NEWER = 'The server answered with something this app does not know. Reload the page.';

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
