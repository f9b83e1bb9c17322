// Generated from schema.graphql and operations/: in tests/node, `npm run generate`.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { Document } from './document';
/** A method of authentication. New values may be added, so handle unknown ones. */
export const AuthenticationMethod = {
  /** An emailed code. */
  EmailCode: 'EMAIL_CODE',
  /** An emailed link. */
  EmailLink: 'EMAIL_LINK',
  /** A linked account at a sign-in provider. */
  Identity: 'IDENTITY',
  /** A passkey. */
  Passkey: 'PASSKEY',
  /** A password. */
  Password: 'PASSWORD',
  /** A recovery code. */
  RecoveryCode: 'RECOVERY_CODE',
  /** A code from an authenticator app (RFC 6238). */
  Totp: 'TOTP'
} as const;

export type AuthenticationMethod = typeof AuthenticationMethod[keyof typeof AuthenticationMethod];
/** An authorization code, with proof that the same browser started the flow. */
export type AuthorizationCodeInput = {
  /** The parameter `code` of the redirect. */
  code: string;
  /** The `codeVerifier` that `startProviderLogin` returned to this browser. */
  codeVerifier: string;
  /** The parameter `state` of the redirect. It works once. */
  state: string;
};

/** How an email challenge is answered: with a code, or by following a link. New values may be added, so handle unknown ones. */
export const ChallengeMethod = {
  /** A link that the user follows. */
  Link: 'LINK',
  /** A code that the user enters. */
  Otp: 'OTP'
} as const;

export type ChallengeMethod = typeof ChallengeMethod[keyof typeof ChallengeMethod];
/** The purpose of an email challenge. New values may be added, so handle unknown ones. */
export const ChallengePurpose = {
  /** Verify a new email address for an account, in the session that requested it. */
  ChangeEmail: 'CHANGE_EMAIL',
  /** Confirm the user's identity again within a session. */
  Reauthentication: 'REAUTHENTICATION',
  /** Set a new password. */
  ResetPassword: 'RESET_PASSWORD',
  /** Sign in without a password. */
  SignIn: 'SIGN_IN',
  /** Verify the email address of an account. */
  VerifyEmail: 'VERIFY_EMAIL'
} as const;

export type ChallengePurpose = typeof ChallengePurpose[keyof typeof ChallengePurpose];
/** A new email address for an account. */
export type ChangeEmailInput = {
  /** The current password. Required if the account has a password. */
  currentPassword?: string | null | undefined;
  /** The new email address: an ASCII local part and a domain, which may be internationalized; at most 254 bytes. */
  newEmail: string;
};

/** The current and the new password. */
export type ChangePasswordInput = {
  /** The current password. Required if the account has a password. */
  currentPassword?: string | null | undefined;
  /**
   * The new password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, not easily
   * guessed, and different from the current one.
   */
  newPassword: string;
  /** The new password again. If given, it must equal `newPassword`. */
  newPasswordConfirmation?: string | null | undefined;
};

/** Whether and when an email address must be verified. New values may be added, so handle unknown ones. */
export const EmailVerificationMode = {
  /** An account can be used only after its email address is verified. */
  Mandatory: 'MANDATORY',
  /** Email addresses are not verified. */
  None: 'NONE',
  /** Verification is requested at sign-up, but users can sign in without it. */
  Optional: 'OPTIONAL'
} as const;

export type EmailVerificationMode = typeof EmailVerificationMode[keyof typeof EmailVerificationMode];
/** The reason for a refusal. New values may be added, so handle unknown ones. */
export const ErrorCode = {
  /** The credentials are correct, but the account is deactivated. */
  AccountDisabled: 'ACCOUNT_DISABLED',
  /** An account with this email address already exists. If other inputs are at fault too, the code is `INVALID_INPUT`. */
  EmailTaken: 'EMAIL_TAKEN',
  /**
   * The server requires a second factor (its setting `SECOND_FACTOR`). The viewer must enroll one before doing anything else: see
   * `startTotpEnrolment`.
   */
  EnrolmentRequired: 'ENROLMENT_REQUIRED',
  /** This account at the provider is linked to another user. */
  IdentityTaken: 'IDENTITY_TAKEN',
  /**
   * The account is unknown, the account has no password, the password is wrong, or the passkey is unknown or wrong. The cases
   * are not distinguished.
   */
  InvalidCredentials: 'INVALID_CREDENTIALS',
  /** Inputs are missing or invalid; `fields` lists all of them. */
  InvalidInput: 'INVALID_INPUT',
  /** The code is wrong, expired, used up or superseded. The cases are not distinguished. */
  InvalidOtp: 'INVALID_OTP',
  /**
   * The refresh token, the token of an emailed link, or the ID of a `PasskeyCeremony`, `Reauthentication`,
   * `SecondFactorChallenge` or `TotpEnrolment` is unknown, expired, used or revoked. The cases are not distinguished.
   */
  InvalidToken: 'INVALID_TOKEN',
  /** This is the only way to sign in to the account. */
  LastSignInMethod: 'LAST_SIGN_IN_METHOD',
  /** An account with this email address already exists. Sign in to it another way, then call `linkIdentity`. */
  LinkRequired: 'LINK_REQUIRED',
  /**
   * The viewer's role does not allow the change, or the change is not allowed for the viewer's own account or for the last
   * superuser.
   */
  NotAllowed: 'NOT_ALLOWED',
  /** Sign-up, or this way to sign in or verify an email address, is disabled or is not available to the account. */
  NotEnabled: 'NOT_ENABLED',
  /** The user or passkey does not exist, or the viewer may not change it. */
  NotFound: 'NOT_FOUND',
  /** The sign-in provider did not confirm the credential. */
  ProviderRejected: 'PROVIDER_REJECTED',
  /** The sign-in provider did not respond. */
  ProviderUnavailable: 'PROVIDER_UNAVAILABLE',
  /** Too many attempts. `retryAfter` is the number of seconds to wait. */
  RateLimited: 'RATE_LIMITED',
  /** The viewer must reauthenticate: call `startReauthentication` and `reauthenticate`, then retry the request. */
  ReauthenticationRequired: 'REAUTHENTICATION_REQUIRED',
  /** The account has a second factor, and no other proof is accepted here. */
  SecondFactorRequired: 'SECOND_FACTOR_REQUIRED',
  /** The server is overloaded. `retryAfter` is the number of seconds to wait. */
  ServerBusy: 'SERVER_BUSY',
  /** The result is of a type that the document does not select, because the type is newer than the client. `message` says what to do. */
  UnhandledResult: 'UNHANDLED_RESULT',
  /** Another account already has this username. If other inputs are at fault too, the code is `INVALID_INPUT`. */
  UsernameTaken: 'USERNAME_TAKEN'
} as const;

export type ErrorCode = typeof ErrorCode[keyof typeof ErrorCode];
/** The problem with an input. New values may be added, so handle unknown ones. */
export const FieldErrorCode = {
  /** The value does not have the required format. */
  Malformed: 'MALFORMED',
  /** The value does not equal the value that it must repeat. */
  Mismatch: 'MISMATCH',
  /** The value is missing. */
  Required: 'REQUIRED',
  /** Another account already uses the value. */
  Taken: 'TAKEN',
  /** The value is too long. */
  TooLong: 'TOO_LONG',
  /** The value has too few characters. */
  TooShort: 'TOO_SHORT',
  /** The password is too easily guessed. */
  TooWeak: 'TOO_WEAK',
  /** The value is the same as before. */
  Unchanged: 'UNCHANGED'
} as const;

export type FieldErrorCode = typeof FieldErrorCode[keyof typeof FieldErrorCode];
/** An ID token from a provider. */
export type IdTokenInput = {
  /** The ID token, issued to this server's client ID. */
  idToken: string;
  /**
   * The nonce that the client sent to the provider. The token must contain the same nonce. Null if the token contains no nonce.
   * For a reauthentication, the nonce must be the ID of the `Reauthentication`.
   */
  nonce?: string | null | undefined;
};

/** A kind of sign-in provider. New values may be added, so handle unknown ones. */
export const IdentityProvider = {
  /** Apple. */
  Apple: 'APPLE',
  /** GitHub. */
  Github: 'GITHUB',
  /** Google. */
  Google: 'GOOGLE',
  /** Microsoft. */
  Microsoft: 'MICROSOFT',
  /** Any other OpenID Connect provider. */
  Oidc: 'OIDC'
} as const;

export type IdentityProvider = typeof IdentityProvider[keyof typeof IdentityProvider];
/** The credentials to sign in with. */
export type LoginInput = {
  /** The username or email address; at most 254 bytes. */
  identifier: string;
  /** The password; at most 128 characters. */
  password: string;
};

/** The details of an account with a passkey instead of a password. */
export type PasskeySignupInput = {
  /** The email address. Required if `AuthSettings.emailRequired` is true. */
  email?: string | null | undefined;
  /** The first name; at most 150 characters. */
  firstName?: string | null | undefined;
  /** The last name; at most 150 characters. */
  lastName?: string | null | undefined;
  /** The full name; at most 150 characters. */
  name?: string | null | undefined;
  /** The username: 3 to 30 ASCII letters, digits, `_`, `.` or `-`. Required if `email` is missing. */
  username?: string | null | undefined;
};

/** A credential from a sign-in provider. */
export type ProviderLoginInput = {
  /** The credential. */
  proof: ProviderProof;
  /** The ID of the provider: see `AuthSettings.providers`. */
  provider: string;
};

/** A credential from a provider. Give exactly one field. */
export type ProviderProof =
  {   /**
   * An access token issued to this server's client ID, with the scope `email`. Accepted only from Google, and never for a
   * reauthentication, because an access token does not show that the user is present now.
   */
  accessToken: string; authorizationCode?: never; idToken?: never; }
  |  { accessToken?: never;   /** An authorization code, from the flow that `startProviderLogin` started. */
  authorizationCode: AuthorizationCodeInput; idToken?: never; }
  |  { accessToken?: never; authorizationCode?: never;   /** An ID token, from a native app or the provider's script, such as Google One Tap. */
  idToken: IdTokenInput; };

/** A proof of identity. Give exactly one field. */
export type ReauthenticationProof =
  {   /** The emailed code. */
  emailCode: string; identity?: never; passkey?: never; password?: never; recoveryCode?: never; totp?: never; }
  |  { emailCode?: never;   /** A credential from a provider, for a linked account. */
  identity: ProviderLoginInput; passkey?: never; password?: never; recoveryCode?: never; totp?: never; }
  |  { emailCode?: never; identity?: never;   /** What `navigator.credentials.get` returned for the `passkeyOptions`, converted with `toJSON`. */
  passkey: unknown; password?: never; recoveryCode?: never; totp?: never; }
  |  { emailCode?: never; identity?: never; passkey?: never;   /** The password of the account. */
  password: string; recoveryCode?: never; totp?: never; }
  |  { emailCode?: never; identity?: never; passkey?: never; password?: never;   /** A recovery code. */
  recoveryCode: string; totp?: never; }
  |  { emailCode?: never; identity?: never; passkey?: never; password?: never; recoveryCode?: never;   /** The code that the authenticator app shows. */
  totp: string; };

/** A new password, and the token that authorizes it. */
export type ResetPasswordInput = {
  /**
   * The new password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, and not easily
   * guessed.
   */
  newPassword: string;
  /** The new password again. If given, it must equal `newPassword`. */
  newPasswordConfirmation?: string | null | undefined;
  /** The token: the text after `token=` in the emailed link. */
  token: string;
};

/** The role of a user. Each role includes the permissions of the previous ones. */
export const Role = {
  /** Can view all accounts. */
  Staff: 'STAFF',
  /** Can change all accounts. */
  Superuser: 'SUPERUSER',
  /** Can use their own account. */
  User: 'USER'
} as const;

export type Role = typeof Role[keyof typeof Role];
/** A method of proving a second factor. New values may be added, so handle unknown ones. */
export const SecondFactorMethod = {
  /** A passkey. */
  Passkey: 'PASSKEY',
  /** A recovery code. */
  RecoveryCode: 'RECOVERY_CODE',
  /** A code from an authenticator app (RFC 6238). */
  Totp: 'TOTP'
} as const;

export type SecondFactorMethod = typeof SecondFactorMethod[keyof typeof SecondFactorMethod];
/** A proof of a second factor. Give exactly one field. */
export type SecondFactorProof =
  {   /** What `navigator.credentials.get` returned for the `passkeyOptions`, converted with `toJSON`. */
  passkey: unknown; recoveryCode?: never; totp?: never; }
  |  { passkey?: never;   /** A recovery code. Case, spaces and hyphens are ignored. */
  recoveryCode: string; totp?: never; }
  |  { passkey?: never; recoveryCode?: never;   /** The code that the authenticator app shows. Spaces and hyphens between its digits are ignored. */
  totp: string; };

/** The kind of session event. New values may be added, so handle unknown ones. */
export const SessionEventKind = {
  /** The email address was verified, or replaced by a verified one. */
  EmailVerified: 'EMAIL_VERIFIED',
  /** The password was changed or set. */
  PasswordChanged: 'PASSWORD_CHANGED',
  /**
   * Another field of `me` changed: a name, the username, the bio, the picture, a linked account, the role, or whether the
   * user can sign in.
   */
  ProfileChanged: 'PROFILE_CHANGED',
  /** A session was ended before it expired, by the user or by someone else. */
  SessionEnded: 'SESSION_ENDED',
  /** A session started: the user signed in. */
  SessionStarted: 'SESSION_STARTED'
} as const;

export type SessionEventKind = typeof SessionEventKind[keyof typeof SessionEventKind];
/** A new account. `email` is required if `AuthSettings.emailRequired` is true. Otherwise `email` or `username` is required. */
export type SignupInput = {
  /** The email address: an ASCII local part and a domain, which may be internationalized; at most 254 bytes. */
  email?: string | null | undefined;
  /** The first name; at most 150 characters. */
  firstName?: string | null | undefined;
  /** The last name; at most 150 characters. */
  lastName?: string | null | undefined;
  /** The full name; at most 150 characters. */
  name?: string | null | undefined;
  /**
   * The password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, and not easily
   * guessed.
   */
  password: string;
  /** The password again. If given, it must equal `password`. */
  passwordConfirmation?: string | null | undefined;
  /** The username to sign in with: 3 to 30 characters from a to z, A to Z, 0 to 9, and `_ . -`. Unique, ignoring case. */
  username?: string | null | undefined;
};

/** Changes to a profile. Omitted fields stay unchanged; null or blank text clears a field. */
export type UpdateProfileInput = {
  /** The https URL of a picture; at most 2,048 bytes. */
  avatarUrl?: string | null | undefined;
  /** A short text about the user; at most 500 characters. It may have line breaks. */
  bio?: string | null | undefined;
  /** The first name; at most 150 characters. */
  firstName?: string | null | undefined;
  /** The last name; at most 150 characters. */
  lastName?: string | null | undefined;
  /** The full name; at most 150 characters. If cleared, `User.name` is the first and last name joined. */
  name?: string | null | undefined;
  /**
   * The username to sign in with: 3 to 30 characters from a to z, A to Z, 0 to 9, and `_ . -`. Unique, ignoring case. It
   * can be cleared only if the account has an email address.
   */
  username?: string | null | undefined;
};

/** Conditions on users. A user must match all of them. */
export type UserFilter = {
  /** Whether the email address of the user is verified. */
  emailVerified?: boolean | null | undefined;
  /** Whether the user can sign in. */
  isActive?: boolean | null | undefined;
  /** The role of the user. */
  role?: Role | null | undefined;
  /**
   * The beginning of an email address, username, first name, last name or full name, ignoring case; at least 2
   * characters.
   */
  search?: string | null | undefined;
};

/**
 * An emailed code. If `challengeId` is given, the code is checked against that challenge. Otherwise, it is checked
 * against the newest `VERIFY_EMAIL` challenge and the newest `SIGN_IN` challenge of the address.
 */
export type VerifyOtpInput = {
  /** The ID of the `EmailChallenge`. If given, attempts count only towards this challenge, so nobody else can use them up. */
  challengeId?: string | null | undefined;
  /** The email address that the code was sent to. */
  email: string;
  /** The code. Spaces and hyphens between its digits are ignored. */
  otp: string;
};

export type AuthSettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type AuthSettingsQuery = { answer: { signupEnabled: boolean, emailRequired: boolean, emailVerification: EmailVerificationMode, emailVerificationMethod: ChallengeMethod, otpLength: number, passwordMinLength: number, passwordMaxLength: number, usernameMinLength: number, usernameMaxLength: number, passkeyRpId: string | null, providers: Array<{ id: string, kind: IdentityProvider, name: string, clientId: string }> } };

export type UsernameAvailableQueryVariables = Exact<{
  username: string;
}>;


export type UsernameAvailableQuery = { answer:
    | UserErrorFragment
    | { isAvailable: boolean, suggestion: string | null, kind: 'UsernameAvailability' }
   };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { answer: UserFragment };

export type SignupMutationVariables = Exact<{
  input: SignupInput;
}>;


export type SignupMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type UpdateProfileMutationVariables = Exact<{
  input: UpdateProfileInput;
}>;


export type UpdateProfileMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type ChangePasswordMutationVariables = Exact<{
  input: ChangePasswordInput;
}>;


export type ChangePasswordMutation = { answer:
    | PasswordChangeResult_PasswordChanged_Fragment
    | PasswordChangeResult_UserError_Fragment
   };

export type UserQueryVariables = Exact<{
  id: string;
}>;


export type UserQuery = { answer: UserFragment | null };

export type UsersQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: UserFilter | null | undefined;
}>;


export type UsersQuery = { answer: { nodes: Array<UserFragment>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } | null };

export type SetUserRoleMutationVariables = Exact<{
  id: string;
  role: Role;
}>;


export type SetUserRoleMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type SetUserActiveMutationVariables = Exact<{
  id: string;
  active: boolean;
}>;


export type SetUserActiveMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type DashboardQueryVariables = Exact<{ [key: string]: never; }>;


export type DashboardQuery = { answer: { response: string } };

export type PostToDashboardMutationVariables = Exact<{
  text: string;
}>;


export type PostToDashboardMutation = { answer:
    | { response: string, kind: 'Dashboard' }
    | UserErrorFragment
   };

export type SessionEventsSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type SessionEventsSubscription = { answer: { kind: SessionEventKind, at: string, sessionId: string | null } };

export type UserFragment = { id: string, email: string | null, emailVerified: boolean, username: string | null, name: string | null, firstName: string | null, lastName: string | null, bio: string | null, avatarUrl: string | null, role: Role, isActive: boolean, hasPassword: boolean, createdAt: string, updatedAt: string, lastLoginAt: string | null, secondFactors: Array<SecondFactorMethod>, recoveryCodesLeft: number };

export type SessionFragment = { id: string, createdAt: string, lastUsedAt: string, expiresAt: string, userAgent: string | null, ipAddress: string | null, authenticatedAt: string, methods: Array<AuthenticationMethod>, isCurrent: boolean };

export type EmailChallengeFragment = { id: string, purpose: ChallengePurpose, method: ChallengeMethod, email: string, expiresIn: number, resendIn: number, confirmationNumber: string | null, kind: 'EmailChallenge' };

export type AuthPayloadFragment = { accessToken: string, expiresIn: number, refreshToken: string | null, kind: 'AuthPayload', user: UserFragment, session: SessionFragment, emailChallenge: EmailChallengeFragment | null };

export type SecondFactorChallengeFragment = { id: string, methods: Array<SecondFactorMethod>, passkeyOptions: unknown, expiresIn: number, kind: 'SecondFactorChallenge' };

export type ReauthenticatedFragment = { accessToken: string, expiresIn: number, kind: 'Reauthenticated', session: SessionFragment };

export type UserErrorFragment = { code: ErrorCode, message: string, retryAfter: number | null, kind: 'UserError', fields: Array<{ field: string, code: FieldErrorCode, message: string, min: number | null, max: number | null, suggestion: string | null }> };

type SignInResult_AuthPayload_Fragment = AuthPayloadFragment;

type SignInResult_EmailChallenge_Fragment = EmailChallengeFragment;

type SignInResult_SecondFactorChallenge_Fragment = SecondFactorChallengeFragment;

type SignInResult_UserError_Fragment = UserErrorFragment;

export type SignInResultFragment =
  | SignInResult_AuthPayload_Fragment
  | SignInResult_EmailChallenge_Fragment
  | SignInResult_SecondFactorChallenge_Fragment
  | SignInResult_UserError_Fragment
;

type EmailChallengeResult_EmailChallenge_Fragment = EmailChallengeFragment;

type EmailChallengeResult_UserError_Fragment = UserErrorFragment;

export type EmailChallengeResultFragment =
  | EmailChallengeResult_EmailChallenge_Fragment
  | EmailChallengeResult_UserError_Fragment
;

type PasswordChangeResult_PasswordChanged_Fragment = { endedSessionIds: Array<string>, kind: 'PasswordChanged' };

type PasswordChangeResult_UserError_Fragment = UserErrorFragment;

export type PasswordChangeResultFragment =
  | PasswordChangeResult_PasswordChanged_Fragment
  | PasswordChangeResult_UserError_Fragment
;

type UserResult_User_Fragment = (
  { kind: 'User' }
  & UserFragment
);

type UserResult_UserError_Fragment = UserErrorFragment;

export type UserResultFragment =
  | UserResult_User_Fragment
  | UserResult_UserError_Fragment
;

export type ConfirmLoginLinkMutationVariables = Exact<{
  token: string;
  confirmationNumber?: string | null | undefined;
  challengeId?: string | null | undefined;
}>;


export type ConfirmLoginLinkMutation = { answer:
    | LoginLinkFragment
    | UserErrorFragment
   };

export type LoginLinkConfirmedSubscriptionVariables = Exact<{
  challengeId: string;
}>;


export type LoginLinkConfirmedSubscription = { answer: { otp: string } };

export type LoginLinkFragment = { email: string, otp: string, confirmationNumber: string, isRequestedHere: boolean, isConfirmed: boolean, expiresIn: number, kind: 'LoginLink' };

export type VerifyOtpMutationVariables = Exact<{
  input: VerifyOtpInput;
}>;


export type VerifyOtpMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type ResendOtpMutationVariables = Exact<{
  email: string;
  challengeId?: string | null | undefined;
}>;


export type ResendOtpMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type RequestLoginCodeMutationVariables = Exact<{
  email: string;
}>;


export type RequestLoginCodeMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type ActivateAccountMutationVariables = Exact<{
  token: string;
  challengeId?: string | null | undefined;
  password?: string | null | undefined;
}>;


export type ActivateAccountMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type ResendActivationEmailMutationVariables = Exact<{
  email: string;
  challengeId?: string | null | undefined;
}>;


export type ResendActivationEmailMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type RequestPasswordResetMutationVariables = Exact<{
  email: string;
}>;


export type RequestPasswordResetMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type ResetPasswordMutationVariables = Exact<{
  input: ResetPasswordInput;
}>;


export type ResetPasswordMutation = { answer:
    | PasswordChangeResult_PasswordChanged_Fragment
    | PasswordChangeResult_UserError_Fragment
   };

export type ChangeEmailMutationVariables = Exact<{
  input: ChangeEmailInput;
}>;


export type ChangeEmailMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type StartPasskeyLoginMutationVariables = Exact<{ [key: string]: never; }>;


export type StartPasskeyLoginMutation = { answer:
    | PasskeyCeremonyResult_PasskeyCeremony_Fragment
    | PasskeyCeremonyResult_UserError_Fragment
   };

export type PasskeyLoginMutationVariables = Exact<{
  id: string;
  credential: unknown;
}>;


export type PasskeyLoginMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type StartPasskeySignupMutationVariables = Exact<{
  input: PasskeySignupInput;
}>;


export type StartPasskeySignupMutation = { answer:
    | PasskeyCeremonyResult_PasskeyCeremony_Fragment
    | PasskeyCeremonyResult_UserError_Fragment
   };

export type PasskeySignupMutationVariables = Exact<{
  id: string;
  credential: unknown;
}>;


export type PasskeySignupMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type StartPasskeyEnrolmentMutationVariables = Exact<{ [key: string]: never; }>;


export type StartPasskeyEnrolmentMutation = { answer:
    | PasskeyCeremonyResult_PasskeyCeremony_Fragment
    | PasskeyCeremonyResult_UserError_Fragment
   };

export type FinishPasskeyEnrolmentMutationVariables = Exact<{
  id: string;
  credential: unknown;
  name?: string | null | undefined;
}>;


export type FinishPasskeyEnrolmentMutation = { answer:
    | { recoveryCodes: Array<string> | null, endedSessionIds: Array<string>, kind: 'PasskeyEnrolled', passkey: PasskeyFragment }
    | UserErrorFragment
   };

export type RenamePasskeyMutationVariables = Exact<{
  id: string;
  name: string;
}>;


export type RenamePasskeyMutation = { answer:
    | (
      { kind: 'Passkey' }
      & PasskeyFragment
    )
    | UserErrorFragment
   };

export type RemovePasskeyMutationVariables = Exact<{
  id: string;
}>;


export type RemovePasskeyMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type PasskeysQueryVariables = Exact<{ [key: string]: never; }>;


export type PasskeysQuery = { answer: { passkeys: Array<PasskeyFragment> } };

export type PasskeyFragment = { id: string, credentialId: string, name: string, isSynced: boolean, createdAt: string, lastUsedAt: string | null };

type PasskeyCeremonyResult_PasskeyCeremony_Fragment = { id: string, options: unknown, expiresIn: number, kind: 'PasskeyCeremony' };

type PasskeyCeremonyResult_UserError_Fragment = UserErrorFragment;

export type PasskeyCeremonyResultFragment =
  | PasskeyCeremonyResult_PasskeyCeremony_Fragment
  | PasskeyCeremonyResult_UserError_Fragment
;

export type StartProviderLoginMutationVariables = Exact<{
  provider: string;
  redirectUri?: string | null | undefined;
}>;


export type StartProviderLoginMutation = { answer:
    | { authorizationUrl: string, state: string, codeVerifier: string, expiresIn: number, kind: 'ProviderAuthorization' }
    | UserErrorFragment
   };

export type ProviderLoginMutationVariables = Exact<{
  input: ProviderLoginInput;
}>;


export type ProviderLoginMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type LinkIdentityMutationVariables = Exact<{
  input: ProviderLoginInput;
}>;


export type LinkIdentityMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type UnlinkIdentityMutationVariables = Exact<{
  id: string;
}>;


export type UnlinkIdentityMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type IdentitiesQueryVariables = Exact<{ [key: string]: never; }>;


export type IdentitiesQuery = { answer: { identities: Array<{ id: string, providerId: string, email: string | null, linkedAt: string }> } };

export type StartReauthenticationMutationVariables = Exact<{
  sendCode?: boolean;
}>;


export type StartReauthenticationMutation = { answer:
    | { id: string, methods: Array<AuthenticationMethod>, passkeyOptions: unknown, expiresIn: number, kind: 'Reauthentication', emailChallenge: EmailChallengeFragment | null }
    | UserErrorFragment
   };

export type ReauthenticateMutationVariables = Exact<{
  id: string;
  proof: ReauthenticationProof;
}>;


export type ReauthenticateMutation = { answer:
    | ReauthenticatedFragment
    | UserErrorFragment
   };

export type RevertSecurityChangeMutationVariables = Exact<{
  token: string;
  proof?: ReauthenticationProof | null | undefined;
}>;


export type RevertSecurityChangeMutation = { answer:
    | EmailChallengeResult_EmailChallenge_Fragment
    | EmailChallengeResult_UserError_Fragment
   };

export type StartTotpEnrolmentMutationVariables = Exact<{ [key: string]: never; }>;


export type StartTotpEnrolmentMutation = { answer:
    | { id: string, secret: string, uri: string, qrSvg: string, expiresIn: number, kind: 'TotpEnrolment' }
    | UserErrorFragment
   };

export type FinishTotpEnrolmentMutationVariables = Exact<{
  id: string;
  code: string;
}>;


export type FinishTotpEnrolmentMutation = { answer:
    | SecondFactorsResult_SecondFactorsEnabled_Fragment
    | SecondFactorsResult_UserError_Fragment
   };

export type RegenerateRecoveryCodesMutationVariables = Exact<{ [key: string]: never; }>;


export type RegenerateRecoveryCodesMutation = { answer:
    | SecondFactorsResult_SecondFactorsEnabled_Fragment
    | SecondFactorsResult_UserError_Fragment
   };

export type RemoveTotpMutationVariables = Exact<{ [key: string]: never; }>;


export type RemoveTotpMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type ResetSecondFactorsMutationVariables = Exact<{
  id: string;
}>;


export type ResetSecondFactorsMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

type SecondFactorsResult_SecondFactorsEnabled_Fragment = { recoveryCodes: Array<string>, endedSessionIds: Array<string>, kind: 'SecondFactorsEnabled' };

type SecondFactorsResult_UserError_Fragment = UserErrorFragment;

export type SecondFactorsResultFragment =
  | SecondFactorsResult_SecondFactorsEnabled_Fragment
  | SecondFactorsResult_UserError_Fragment
;

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type VerifySecondFactorMutationVariables = Exact<{
  id: string;
  proof: SecondFactorProof;
}>;


export type VerifySecondFactorMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_SecondFactorChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type RefreshMutationVariables = Exact<{
  refreshToken?: string | null | undefined;
}>;


export type RefreshMutation = { answer:
    | AuthPayloadFragment
    | UserErrorFragment
   };

export type LogoutMutationVariables = Exact<{
  refreshToken?: string | null | undefined;
}>;


export type LogoutMutation = { answer: { endedSessionIds: Array<string> } };

export type LogoutAllMutationVariables = Exact<{ [key: string]: never; }>;


export type LogoutAllMutation = { answer: { endedSessionIds: Array<string> } };

export type RevokeSessionMutationVariables = Exact<{
  id: string;
}>;


export type RevokeSessionMutation = { answer: { endedSessionIds: Array<string> } };

export type SessionsQueryVariables = Exact<{ [key: string]: never; }>;


export type SessionsQuery = { answer: { sessions: Array<SessionFragment> } };

/** The codes of top-level errors. */
export const topLevelErrorCodes = ['BAD_REQUEST', 'DOCUMENT_NOT_TRUSTED', 'ENROLMENT_REQUIRED', 'FORBIDDEN', 'INTERNAL', 'LIMIT_EXCEEDED', 'NOT_FOUND', 'PERSISTED_QUERY_NOT_SUPPORTED', 'RATE_LIMITED', 'SERVER_BUSY', 'SERVICE_UNAVAILABLE', 'UNAUTHENTICATED'] as const;

type ErrorCodes = {
  authSettings: never;
  dashboard: never;
  me: never;
  node: never;
  user: never;
  usernameAvailable: 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  users: never;
  viewer: never;
  activateAccount: 'INVALID_TOKEN' | 'INVALID_CREDENTIALS' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'EMAIL_TAKEN' | 'RATE_LIMITED' | 'SERVER_BUSY';
  changeEmail: 'INVALID_INPUT' | 'INVALID_CREDENTIALS' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  changePassword: 'INVALID_INPUT' | 'INVALID_CREDENTIALS' | 'REAUTHENTICATION_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  confirmLoginLink: 'INVALID_TOKEN' | 'INVALID_INPUT' | 'SERVER_BUSY';
  finishPasskeyEnrolment: 'INVALID_TOKEN' | 'INVALID_CREDENTIALS' | 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  finishTotpEnrolment: 'INVALID_TOKEN' | 'INVALID_OTP' | 'RATE_LIMITED' | 'SERVER_BUSY';
  googleLogin: 'NOT_ENABLED' | 'PROVIDER_REJECTED' | 'PROVIDER_UNAVAILABLE' | 'LINK_REQUIRED' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  linkIdentity: 'NOT_ENABLED' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'PROVIDER_REJECTED' | 'PROVIDER_UNAVAILABLE' | 'IDENTITY_TAKEN' | 'RATE_LIMITED' | 'SERVER_BUSY';
  login: 'INVALID_INPUT' | 'INVALID_CREDENTIALS' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  logout: never;
  logoutAll: never;
  passkeyLogin: 'INVALID_TOKEN' | 'NOT_FOUND' | 'INVALID_CREDENTIALS' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  passkeySignup: 'INVALID_TOKEN' | 'INVALID_CREDENTIALS' | 'INVALID_INPUT' | 'EMAIL_TAKEN' | 'USERNAME_TAKEN' | 'NOT_ENABLED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  postToDashboard: 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  providerLogin: 'NOT_ENABLED' | 'PROVIDER_REJECTED' | 'PROVIDER_UNAVAILABLE' | 'LINK_REQUIRED' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  reauthenticate: 'INVALID_TOKEN' | 'INVALID_CREDENTIALS' | 'INVALID_OTP' | 'SECOND_FACTOR_REQUIRED' | 'NOT_ENABLED' | 'PROVIDER_REJECTED' | 'PROVIDER_UNAVAILABLE' | 'RATE_LIMITED' | 'SERVER_BUSY';
  refresh: 'INVALID_INPUT' | 'INVALID_TOKEN' | 'SERVER_BUSY';
  regenerateRecoveryCodes: 'NOT_ENABLED' | 'REAUTHENTICATION_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  removePasskey: 'LAST_SIGN_IN_METHOD' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  removeTotp: 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  renamePasskey: 'INVALID_INPUT' | 'NOT_FOUND' | 'REAUTHENTICATION_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  requestLoginCode: 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  requestPasswordReset: 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  resendActivationEmail: 'INVALID_INPUT' | 'NOT_ENABLED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  resendOtp: 'INVALID_INPUT' | 'NOT_ENABLED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  resetPassword: 'INVALID_TOKEN' | 'INVALID_INPUT' | 'RATE_LIMITED' | 'SERVER_BUSY';
  resetSecondFactors: 'NOT_FOUND' | 'NOT_ALLOWED' | 'LAST_SIGN_IN_METHOD' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  revertSecurityChange: 'INVALID_TOKEN' | 'REAUTHENTICATION_REQUIRED' | 'INVALID_CREDENTIALS' | 'EMAIL_TAKEN' | 'NOT_ENABLED' | 'PROVIDER_REJECTED' | 'PROVIDER_UNAVAILABLE' | 'RATE_LIMITED' | 'SERVER_BUSY';
  revokeSession: never;
  setUserActive: 'NOT_FOUND' | 'NOT_ALLOWED' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  setUserRole: 'NOT_FOUND' | 'NOT_ALLOWED' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  signup: 'INVALID_INPUT' | 'EMAIL_TAKEN' | 'USERNAME_TAKEN' | 'NOT_ENABLED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  startPasskeyEnrolment: 'NOT_ENABLED' | 'INVALID_INPUT' | 'REAUTHENTICATION_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  startPasskeyLogin: 'NOT_ENABLED';
  startPasskeySignup: 'INVALID_INPUT' | 'EMAIL_TAKEN' | 'USERNAME_TAKEN' | 'NOT_ENABLED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  startProviderLogin: 'NOT_ENABLED' | 'INVALID_INPUT' | 'PROVIDER_UNAVAILABLE' | 'RATE_LIMITED' | 'SERVER_BUSY';
  startReauthentication: 'NOT_ENABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  startTotpEnrolment: 'NOT_ENABLED' | 'REAUTHENTICATION_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  unlinkIdentity: 'LAST_SIGN_IN_METHOD' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  updateProfile: 'INVALID_INPUT' | 'USERNAME_TAKEN' | 'REAUTHENTICATION_REQUIRED' | 'ENROLMENT_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
  verifyOtp: 'INVALID_OTP' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'EMAIL_TAKEN' | 'RATE_LIMITED' | 'SERVER_BUSY';
  verifySecondFactor: 'INVALID_TOKEN' | 'INVALID_OTP' | 'INVALID_CREDENTIALS' | 'ACCOUNT_DISABLED' | 'SECOND_FACTOR_REQUIRED' | 'RATE_LIMITED' | 'SERVER_BUSY';
};

/** The codes of the errors that a field of the schema may return. */
export type ErrorCodeOf<Field extends keyof ErrorCodes> = ErrorCodes[Field];

const User = 'fragment User on User{id email emailVerified username name firstName lastName bio avatarUrl role isActive hasPassword createdAt updatedAt lastLoginAt secondFactors recoveryCodesLeft}';
const Session = 'fragment Session on Session{id createdAt lastUsedAt expiresAt userAgent ipAddress authenticatedAt methods isCurrent}';
const EmailChallenge = 'fragment EmailChallenge on EmailChallenge{kind:__typename id purpose method email expiresIn resendIn confirmationNumber}';
const AuthPayload = 'fragment AuthPayload on AuthPayload{kind:__typename user{...User}session{...Session}accessToken expiresIn refreshToken emailChallenge{...EmailChallenge}}';
const SecondFactorChallenge = 'fragment SecondFactorChallenge on SecondFactorChallenge{kind:__typename id methods passkeyOptions expiresIn}';
const Reauthenticated = 'fragment Reauthenticated on Reauthenticated{kind:__typename session{...Session}accessToken expiresIn}';
const UserError = 'fragment UserError on UserError{kind:__typename code message fields{field code message min max suggestion}retryAfter}';
const SignInResult = 'fragment SignInResult on SignInResult{...AuthPayload ...EmailChallenge ...SecondFactorChallenge ...UserError}';
const EmailChallengeResult = 'fragment EmailChallengeResult on EmailChallengeResult{...EmailChallenge ...UserError}';
const PasswordChangeResult = 'fragment PasswordChangeResult on PasswordChangeResult{...on PasswordChanged{kind:__typename endedSessionIds}...UserError}';
const UserResult = 'fragment UserResult on UserResult{...on User{kind:__typename ...User}...UserError}';
const LoginLink = 'fragment LoginLink on LoginLink{kind:__typename email otp confirmationNumber isRequestedHere isConfirmed expiresIn}';
const Passkey = 'fragment Passkey on Passkey{id credentialId name isSynced createdAt lastUsedAt}';
const PasskeyCeremonyResult = 'fragment PasskeyCeremonyResult on PasskeyCeremonyResult{...on PasskeyCeremony{kind:__typename id options expiresIn}...UserError}';
const SecondFactorsResult = 'fragment SecondFactorsResult on SecondFactorsResult{...on SecondFactorsEnabled{kind:__typename recoveryCodes endedSessionIds}...UserError}';

export const authSettingsDocument = ('query authSettings{answer:authSettings{signupEnabled emailRequired emailVerification emailVerificationMethod otpLength passwordMinLength passwordMaxLength usernameMinLength usernameMaxLength passkeyRpId providers{id kind name clientId}}}') as Document<AuthSettingsQuery, AuthSettingsQueryVariables>;
export const usernameAvailableDocument = (/* @__PURE__ */ ['query usernameAvailable($username:String!){answer:usernameAvailable(username:$username){...on UsernameAvailability{kind:__typename isAvailable suggestion}...UserError}}', UserError].join('')) as Document<UsernameAvailableQuery, UsernameAvailableQueryVariables>;
export const meDocument = (/* @__PURE__ */ ['query me{answer:me{...User}}', User].join('')) as Document<MeQuery, MeQueryVariables>;
export const signupDocument = (/* @__PURE__ */ ['mutation signup($input:SignupInput!){answer:signup(input:$input){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<SignupMutation, SignupMutationVariables>;
export const updateProfileDocument = (/* @__PURE__ */ ['mutation updateProfile($input:UpdateProfileInput!){answer:updateProfile(input:$input){...UserResult}}', UserResult, User, UserError].join('')) as Document<UpdateProfileMutation, UpdateProfileMutationVariables>;
export const changePasswordDocument = (/* @__PURE__ */ ['mutation changePassword($input:ChangePasswordInput!){answer:changePassword(input:$input){...PasswordChangeResult}}', PasswordChangeResult, UserError].join('')) as Document<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const userDocument = (/* @__PURE__ */ ['query user($id:ID!){answer:user(id:$id){...User}}', User].join('')) as Document<UserQuery, UserQueryVariables>;
export const usersDocument = (/* @__PURE__ */ ['query users($first:Int$after:String$last:Int$before:String$filter:UserFilter){answer:users(first:$first after:$after last:$last before:$before filter:$filter){nodes{...User}pageInfo{hasNextPage hasPreviousPage startCursor endCursor}}}', User].join('')) as Document<UsersQuery, UsersQueryVariables>;
export const setUserRoleDocument = (/* @__PURE__ */ ['mutation setUserRole($id:ID!$role:Role!){answer:setUserRole(id:$id role:$role){...UserResult}}', UserResult, User, UserError].join('')) as Document<SetUserRoleMutation, SetUserRoleMutationVariables>;
export const setUserActiveDocument = (/* @__PURE__ */ ['mutation setUserActive($id:ID!$active:Boolean!){answer:setUserActive(id:$id active:$active){...UserResult}}', UserResult, User, UserError].join('')) as Document<SetUserActiveMutation, SetUserActiveMutationVariables>;
export const dashboardDocument = ('query dashboard{answer:dashboard{response}}') as Document<DashboardQuery, DashboardQueryVariables>;
export const postToDashboardDocument = (/* @__PURE__ */ ['mutation postToDashboard($text:String!){answer:postToDashboard(text:$text){...on Dashboard{kind:__typename response}...UserError}}', UserError].join('')) as Document<PostToDashboardMutation, PostToDashboardMutationVariables>;
export const sessionEventsDocument = ('subscription sessionEvents{answer:sessionEvents{kind at sessionId}}') as Document<SessionEventsSubscription, SessionEventsSubscriptionVariables>;
export const confirmLoginLinkDocument = (/* @__PURE__ */ ['mutation confirmLoginLink($token:String!$confirmationNumber:String$challengeId:ID){answer:confirmLoginLink(token:$token confirmationNumber:$confirmationNumber challengeId:$challengeId){...LoginLink ...UserError}}', LoginLink, UserError].join('')) as Document<ConfirmLoginLinkMutation, ConfirmLoginLinkMutationVariables>;
export const loginLinkConfirmedDocument = ('subscription loginLinkConfirmed($challengeId:ID!){answer:loginLinkConfirmed(challengeId:$challengeId){otp}}') as Document<LoginLinkConfirmedSubscription, LoginLinkConfirmedSubscriptionVariables>;
export const verifyOtpDocument = (/* @__PURE__ */ ['mutation verifyOtp($input:VerifyOtpInput!){answer:verifyOtp(input:$input){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<VerifyOtpMutation, VerifyOtpMutationVariables>;
export const resendOtpDocument = (/* @__PURE__ */ ['mutation resendOtp($email:String!$challengeId:ID){answer:resendOtp(email:$email challengeId:$challengeId){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<ResendOtpMutation, ResendOtpMutationVariables>;
export const requestLoginCodeDocument = (/* @__PURE__ */ ['mutation requestLoginCode($email:String!){answer:requestLoginCode(email:$email){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<RequestLoginCodeMutation, RequestLoginCodeMutationVariables>;
export const activateAccountDocument = (/* @__PURE__ */ ['mutation activateAccount($token:String!$challengeId:ID$password:String){answer:activateAccount(token:$token challengeId:$challengeId password:$password){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<ActivateAccountMutation, ActivateAccountMutationVariables>;
export const resendActivationEmailDocument = (/* @__PURE__ */ ['mutation resendActivationEmail($email:String!$challengeId:ID){answer:resendActivationEmail(email:$email challengeId:$challengeId){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<ResendActivationEmailMutation, ResendActivationEmailMutationVariables>;
export const requestPasswordResetDocument = (/* @__PURE__ */ ['mutation requestPasswordReset($email:String!){answer:requestPasswordReset(email:$email){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<RequestPasswordResetMutation, RequestPasswordResetMutationVariables>;
export const resetPasswordDocument = (/* @__PURE__ */ ['mutation resetPassword($input:ResetPasswordInput!){answer:resetPassword(input:$input){...PasswordChangeResult}}', PasswordChangeResult, UserError].join('')) as Document<ResetPasswordMutation, ResetPasswordMutationVariables>;
export const changeEmailDocument = (/* @__PURE__ */ ['mutation changeEmail($input:ChangeEmailInput!){answer:changeEmail(input:$input){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<ChangeEmailMutation, ChangeEmailMutationVariables>;
export const startPasskeyLoginDocument = (/* @__PURE__ */ ['mutation startPasskeyLogin{answer:startPasskeyLogin{...PasskeyCeremonyResult}}', PasskeyCeremonyResult, UserError].join('')) as Document<StartPasskeyLoginMutation, StartPasskeyLoginMutationVariables>;
export const passkeyLoginDocument = (/* @__PURE__ */ ['mutation passkeyLogin($id:ID!$credential:JSON!){answer:passkeyLogin(id:$id credential:$credential){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<PasskeyLoginMutation, PasskeyLoginMutationVariables>;
export const startPasskeySignupDocument = (/* @__PURE__ */ ['mutation startPasskeySignup($input:PasskeySignupInput!){answer:startPasskeySignup(input:$input){...PasskeyCeremonyResult}}', PasskeyCeremonyResult, UserError].join('')) as Document<StartPasskeySignupMutation, StartPasskeySignupMutationVariables>;
export const passkeySignupDocument = (/* @__PURE__ */ ['mutation passkeySignup($id:ID!$credential:JSON!){answer:passkeySignup(id:$id credential:$credential){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<PasskeySignupMutation, PasskeySignupMutationVariables>;
export const startPasskeyEnrolmentDocument = (/* @__PURE__ */ ['mutation startPasskeyEnrolment{answer:startPasskeyEnrolment{...PasskeyCeremonyResult}}', PasskeyCeremonyResult, UserError].join('')) as Document<StartPasskeyEnrolmentMutation, StartPasskeyEnrolmentMutationVariables>;
export const finishPasskeyEnrolmentDocument = (/* @__PURE__ */ ['mutation finishPasskeyEnrolment($id:ID!$credential:JSON!$name:String){answer:finishPasskeyEnrolment(id:$id credential:$credential name:$name){...on PasskeyEnrolled{kind:__typename passkey{...Passkey}recoveryCodes endedSessionIds}...UserError}}', Passkey, UserError].join('')) as Document<FinishPasskeyEnrolmentMutation, FinishPasskeyEnrolmentMutationVariables>;
export const renamePasskeyDocument = (/* @__PURE__ */ ['mutation renamePasskey($id:ID!$name:String!){answer:renamePasskey(id:$id name:$name){...on Passkey{kind:__typename ...Passkey}...UserError}}', Passkey, UserError].join('')) as Document<RenamePasskeyMutation, RenamePasskeyMutationVariables>;
export const removePasskeyDocument = (/* @__PURE__ */ ['mutation removePasskey($id:ID!){answer:removePasskey(id:$id){...UserResult}}', UserResult, User, UserError].join('')) as Document<RemovePasskeyMutation, RemovePasskeyMutationVariables>;
export const passkeysDocument = (/* @__PURE__ */ ['query passkeys{answer:me{passkeys{...Passkey}}}', Passkey].join('')) as Document<PasskeysQuery, PasskeysQueryVariables>;
export const startProviderLoginDocument = (/* @__PURE__ */ ['mutation startProviderLogin($provider:ID!$redirectUri:String){answer:startProviderLogin(provider:$provider redirectUri:$redirectUri){...on ProviderAuthorization{kind:__typename authorizationUrl state codeVerifier expiresIn}...UserError}}', UserError].join('')) as Document<StartProviderLoginMutation, StartProviderLoginMutationVariables>;
export const providerLoginDocument = (/* @__PURE__ */ ['mutation providerLogin($input:ProviderLoginInput!){answer:providerLogin(input:$input){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<ProviderLoginMutation, ProviderLoginMutationVariables>;
export const linkIdentityDocument = (/* @__PURE__ */ ['mutation linkIdentity($input:ProviderLoginInput!){answer:linkIdentity(input:$input){...UserResult}}', UserResult, User, UserError].join('')) as Document<LinkIdentityMutation, LinkIdentityMutationVariables>;
export const unlinkIdentityDocument = (/* @__PURE__ */ ['mutation unlinkIdentity($id:ID!){answer:unlinkIdentity(id:$id){...UserResult}}', UserResult, User, UserError].join('')) as Document<UnlinkIdentityMutation, UnlinkIdentityMutationVariables>;
export const identitiesDocument = ('query identities{answer:me{identities{id providerId email linkedAt}}}') as Document<IdentitiesQuery, IdentitiesQueryVariables>;
export const startReauthenticationDocument = (/* @__PURE__ */ ['mutation startReauthentication($sendCode:Boolean!=false){answer:startReauthentication(sendCode:$sendCode){...on Reauthentication{kind:__typename id methods passkeyOptions emailChallenge{...EmailChallenge}expiresIn}...UserError}}', EmailChallenge, UserError].join('')) as Document<StartReauthenticationMutation, StartReauthenticationMutationVariables>;
export const reauthenticateDocument = (/* @__PURE__ */ ['mutation reauthenticate($id:ID!$proof:ReauthenticationProof!){answer:reauthenticate(id:$id proof:$proof){...Reauthenticated ...UserError}}', Reauthenticated, Session, UserError].join('')) as Document<ReauthenticateMutation, ReauthenticateMutationVariables>;
export const revertSecurityChangeDocument = (/* @__PURE__ */ ['mutation revertSecurityChange($token:String!$proof:ReauthenticationProof){answer:revertSecurityChange(token:$token proof:$proof){...EmailChallengeResult}}', EmailChallengeResult, EmailChallenge, UserError].join('')) as Document<RevertSecurityChangeMutation, RevertSecurityChangeMutationVariables>;
export const startTotpEnrolmentDocument = (/* @__PURE__ */ ['mutation startTotpEnrolment{answer:startTotpEnrolment{...on TotpEnrolment{kind:__typename id secret uri qrSvg expiresIn}...UserError}}', UserError].join('')) as Document<StartTotpEnrolmentMutation, StartTotpEnrolmentMutationVariables>;
export const finishTotpEnrolmentDocument = (/* @__PURE__ */ ['mutation finishTotpEnrolment($id:ID!$code:String!){answer:finishTotpEnrolment(id:$id code:$code){...SecondFactorsResult}}', SecondFactorsResult, UserError].join('')) as Document<FinishTotpEnrolmentMutation, FinishTotpEnrolmentMutationVariables>;
export const regenerateRecoveryCodesDocument = (/* @__PURE__ */ ['mutation regenerateRecoveryCodes{answer:regenerateRecoveryCodes{...SecondFactorsResult}}', SecondFactorsResult, UserError].join('')) as Document<RegenerateRecoveryCodesMutation, RegenerateRecoveryCodesMutationVariables>;
export const removeTotpDocument = (/* @__PURE__ */ ['mutation removeTotp{answer:removeTotp{...UserResult}}', UserResult, User, UserError].join('')) as Document<RemoveTotpMutation, RemoveTotpMutationVariables>;
export const resetSecondFactorsDocument = (/* @__PURE__ */ ['mutation resetSecondFactors($id:ID!){answer:resetSecondFactors(id:$id){...UserResult}}', UserResult, User, UserError].join('')) as Document<ResetSecondFactorsMutation, ResetSecondFactorsMutationVariables>;
export const loginDocument = (/* @__PURE__ */ ['mutation login($input:LoginInput!){answer:login(input:$input){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<LoginMutation, LoginMutationVariables>;
export const verifySecondFactorDocument = (/* @__PURE__ */ ['mutation verifySecondFactor($id:ID!$proof:SecondFactorProof!){answer:verifySecondFactor(id:$id proof:$proof){...SignInResult}}', SignInResult, AuthPayload, User, Session, EmailChallenge, SecondFactorChallenge, UserError].join('')) as Document<VerifySecondFactorMutation, VerifySecondFactorMutationVariables>;
export const refreshDocument = (/* @__PURE__ */ ['mutation refresh($refreshToken:String){answer:refresh(refreshToken:$refreshToken){...AuthPayload ...UserError}}', AuthPayload, User, Session, EmailChallenge, UserError].join('')) as Document<RefreshMutation, RefreshMutationVariables>;
export const logoutDocument = ('mutation logout($refreshToken:String){answer:logout(refreshToken:$refreshToken){endedSessionIds}}') as Document<LogoutMutation, LogoutMutationVariables>;
export const logoutAllDocument = ('mutation logoutAll{answer:logoutAll{endedSessionIds}}') as Document<LogoutAllMutation, LogoutAllMutationVariables>;
export const revokeSessionDocument = ('mutation revokeSession($id:ID!){answer:revokeSession(id:$id){endedSessionIds}}') as Document<RevokeSessionMutation, RevokeSessionMutationVariables>;
export const sessionsDocument = (/* @__PURE__ */ ['query sessions{answer:me{sessions{...Session}}}', Session].join('')) as Document<SessionsQuery, SessionsQueryVariables>;