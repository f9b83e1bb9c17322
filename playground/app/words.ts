import { Fault, type UserError } from '../client';

/** Returns the message for a refusal. It must cover every code of the schema, or the app does not compile. */
export function wordsFor({ code, message, retryAfter }: UserError): string {
  switch (code) {
    case 'INVALID_CREDENTIALS':
      return 'Incorrect username/email or password.';
    case 'INVALID_OTP':
      return 'This code is wrong or has expired. Check it, or request another.';
    case 'INVALID_TOKEN':
      return 'This link has already been used or has expired. Request another.';
    case 'ACCOUNT_DISABLED':
      return 'This account is deactivated. Contact the people who run this service.';
    case 'EMAIL_TAKEN':
      return 'An account with this email address already exists. Sign in, or use another email address.';
    case 'USERNAME_TAKEN':
      return 'This username is taken. Choose another.';
    case 'RATE_LIMITED':
      return `Too many attempts. Try again in ${duration(retryAfter ?? 60)}.`;
    case 'SERVER_BUSY':
      return 'The server is busy. Try again in a moment.';
    case 'NOT_ENABLED':
      return 'This is not available here.';
    case 'PROVIDER_REJECTED':
      return 'The provider did not confirm this sign-in. Start again.';
    case 'PROVIDER_UNAVAILABLE':
      return 'The provider is not responding. Try again in a minute.';
    case 'LINK_REQUIRED':
      return 'An account with this email address already exists. Sign in to that account, then link this provider on your profile page.';
    case 'IDENTITY_TAKEN':
      return 'This account is already linked to another user.';
    case 'LAST_SIGN_IN_METHOD':
      return 'This is your only way to sign in. Set a password or add another way first.';
    case 'REAUTHENTICATION_REQUIRED':
      return 'Nothing was changed. To make this change, confirm that it’s you.';
    case 'ENROLMENT_REQUIRED':
      return ENROLL_FIRST;
    case 'NOT_FOUND':
      return 'This user does not exist.';
    case 'INVALID_INPUT':
    case 'NOT_ALLOWED':
    case 'SECOND_FACTOR_REQUIRED':
    case 'UNHANDLED_RESULT':
    case 'unknown':
      return message;
    default:
      return impossible(code);
  }
}

/** The message for a wrong password if the account is known. */
export const INCORRECT_PASSWORD = 'Incorrect password.';

/** The message for a wrong code of an authenticator app, or a wrong recovery code. */
export const WRONG_SECOND_FACTOR = 'This code is wrong or was already used.';

const ENROLL_FIRST = 'Set up a second factor first, on the “Security” page.';

/** Moves the refusal of wrong credentials to the field of the current password. For users who are signed in. */
export function atCurrentPassword(error: UserError): UserError {
  return error.code === 'INVALID_CREDENTIALS' ? at('currentPassword', INCORRECT_PASSWORD, error) : error;
}

/** Moves the refusal of a wrong second factor to its field. */
export function atSecondFactor(error: UserError, field: 'otp' | 'recoveryCode'): UserError {
  return error.code === 'INVALID_OTP' ? at(field, WRONG_SECOND_FACTOR, error) : error;
}

function at(field: string, message: string, error: UserError): UserError {
  return { ...error, fields: [{ field, code: 'MISMATCH', message, min: null, max: null, suggestion: null }] };
}

/** Returns the message for a fault. */
export function wordsForFault(fault: unknown): string {
  if (!(fault instanceof Fault)) throw fault;
  switch (fault.code) {
    case 'UNREACHABLE':
      return 'The server is not responding. Check your connection and try again.';
    case 'UNAUTHENTICATED':
      return 'You are signed out. Sign in again.';
    case 'ENROLMENT_REQUIRED':
      return ENROLL_FIRST;
    case 'FORBIDDEN':
      return 'You are not allowed to do this.';
    case 'RATE_LIMITED':
      return `Too many attempts. Try again in ${duration(fault.retryAfter ?? 60)}.`;
    case 'SERVER_BUSY':
      return 'The server is busy. Try again in a moment.';
    case 'SERVICE_UNAVAILABLE':
      return 'The server is unavailable. Try again in a moment.';
    case 'DOCUMENT_NOT_TRUSTED':
      return 'This app is out of date. Reload the page.';
    case 'BAD_REQUEST':
    case 'LIMIT_EXCEEDED':
    case 'NOT_FOUND':
    case 'PERSISTED_QUERY_NOT_SUPPORTED':
    case 'INTERNAL':
    case 'unknown':
      return 'Something went wrong on the server. Try again in a minute.';
    default:
      return impossible(fault.code);
  }
}

/** The message for a response that this app does not know, from a newer server. */
export const NEWER = 'This app does not understand the server’s response. Reload the page.';

/** Ends a switch. It compiles only if every case is covered. */
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
