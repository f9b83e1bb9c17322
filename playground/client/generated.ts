// Generated from schema.graphql and operations/: in tests/node, `npm run generate`.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { Document } from './document';
/** A way in which a person proves who they are. Values may be added: keep a default branch. */
export const AuthenticationMethod = {
  /** A code from a mail. */
  EmailCode: 'EMAIL_CODE',
  /** A link in a mail. */
  EmailLink: 'EMAIL_LINK',
  /** An account elsewhere. */
  Identity: 'IDENTITY',
  /** A password. */
  Password: 'PASSWORD'
} as const;

export type AuthenticationMethod = typeof AuthenticationMethod[keyof typeof AuthenticationMethod];
/** A code, and what shows that it comes from the browser that began. */
export type AuthorizationCodeInput = {
  /** What came back in the address, as `code`. */
  code: string;
  /** What `startGoogleLogin` answered, kept in the browser. */
  codeVerifier: string;
  /** What came back in the address, as `state`. It works once. */
  state: string;
};

/** How an email address is proven. */
export const ChallengeMethod = {
  /** By a link that the person follows. */
  Link: 'LINK',
  /** By a one-time password that the person types in. */
  Otp: 'OTP'
} as const;

export type ChallengeMethod = typeof ChallengeMethod[keyof typeof ChallengeMethod];
/** What a mailed challenge is for. Values may be added: keep a default branch. */
export const ChallengePurpose = {
  /** Proving a new address for an account, in the session that asked. */
  ChangeEmail: 'CHANGE_EMAIL',
  /** Proving, in a session, that it is still its user who acts. */
  Reauthentication: 'REAUTHENTICATION',
  /** Setting a new password. */
  ResetPassword: 'RESET_PASSWORD',
  /** Signing in without a password. */
  SignIn: 'SIGN_IN',
  /** Proving the address of an account. */
  VerifyEmail: 'VERIFY_EMAIL'
} as const;

export type ChallengePurpose = typeof ChallengePurpose[keyof typeof ChallengePurpose];
/** Another address for an account. */
export type ChangeEmailInput = {
  /** The password of the account. It may be left out only where the account has none. */
  currentPassword?: string | null | undefined;
  /** The address to be: an ASCII local part, and a domain that may be international; at most 254 bytes. */
  newEmail: string;
};

/** The old password and the new. */
export type ChangePasswordInput = {
  /** The password as it is. It may be left out only where the account has none. */
  currentPassword?: string | null | undefined;
  /** At least `passwordMinLength` and at most 128 characters of any kind, not easily guessed, and another than before. */
  newPassword: string;
  /** Checked where given: must equal `newPassword`. */
  newPasswordConfirmation?: string | null | undefined;
};

/** When an email address must be proven. */
export const EmailVerificationMode = {
  /** Before the account begins. */
  Mandatory: 'MANDATORY',
  /** Never: addresses are taken as given. */
  None: 'NONE',
  /** It is asked for at sign-up, and nothing waits for it. */
  Optional: 'OPTIONAL'
} as const;

export type EmailVerificationMode = typeof EmailVerificationMode[keyof typeof EmailVerificationMode];
/** Why something was refused. Values may be added: keep a default branch. */
export const ErrorCode = {
  /** The credentials were right, but the account is deactivated. */
  AccountDisabled: 'ACCOUNT_DISABLED',
  /** Somebody has an account with this email address. */
  EmailTaken: 'EMAIL_TAKEN',
  /** Google does not vouch for what the client sent. */
  GoogleRejected: 'GOOGLE_REJECTED',
  /** Google did not answer. */
  GoogleUnavailable: 'GOOGLE_UNAVAILABLE',
  /** This Google account belongs to another user. */
  IdentityTaken: 'IDENTITY_TAKEN',
  /** Unknown account, wrong password, or an account with no password: never told apart. */
  InvalidCredentials: 'INVALID_CREDENTIALS',
  /** Inputs are missing or malformed; `fields` says which. */
  InvalidInput: 'INVALID_INPUT',
  /** A one-time password that is wrong, expired, used up or superseded: never told apart. */
  InvalidOtp: 'INVALID_OTP',
  /** A link, reset or refresh token that is unknown, expired, spent or revoked: never told apart. */
  InvalidToken: 'INVALID_TOKEN',
  /** It is the only way in. */
  LastSignInMethod: 'LAST_SIGN_IN_METHOD',
  /** An account with this address exists: sign in to it, and link. */
  LinkRequired: 'LINK_REQUIRED',
  /** Refused to protect the system: it concerns yourself, or the last superuser. */
  NotAllowed: 'NOT_ALLOWED',
  /** This way in, or signing up at all, is switched off. */
  NotEnabled: 'NOT_ENABLED',
  /** No such user, or not one you may act on. */
  NotFound: 'NOT_FOUND',
  /** Too often in too short a time; `retryAfter` says when to try again. */
  RateLimited: 'RATE_LIMITED',
  /** The viewer must prove who they are once more: `startReauthentication`, `reauthenticate`, and then the same again. */
  ReauthenticationRequired: 'REAUTHENTICATION_REQUIRED',
  /** The server sheds load to stay responsive; `retryAfter` says when to try again. */
  ServerBusy: 'SERVER_BUSY',
  /** Somebody has this username. */
  UsernameTaken: 'USERNAME_TAKEN'
} as const;

export type ErrorCode = typeof ErrorCode[keyof typeof ErrorCode];
/** What is wrong with an input. Values may be added: keep a default branch. */
export const FieldErrorCode = {
  /** It is not of the form that it must have. */
  Malformed: 'MALFORMED',
  /** It differs from what it must equal. */
  Mismatch: 'MISMATCH',
  /** It is missing. */
  Required: 'REQUIRED',
  /** Somebody else has it. */
  Taken: 'TAKEN',
  /** It has too many characters. */
  TooLong: 'TOO_LONG',
  /** It has too few characters. */
  TooShort: 'TOO_SHORT',
  /** It is too easily guessed. */
  TooWeak: 'TOO_WEAK',
  /** It is what it was. */
  Unchanged: 'UNCHANGED'
} as const;

export type FieldErrorCode = typeof FieldErrorCode[keyof typeof FieldErrorCode];
/** A code, and what shows that it comes from the browser that began. */
export type GoogleAuthorizationCodeInput = {
  /** What came back in the address, as `code`. */
  code: string;
  /** What `startGoogleLogin` answered, kept in the browser. */
  codeVerifier: string;
  /** What came back in the address, as `state`. It is good once. */
  state: string;
};

/** An ID token. */
export type GoogleIdTokenInput = {
  /** The token, issued to this server's client id. */
  idToken: string;
  /** What the client had Google put into the token: the same, or null where the token has none. */
  nonce?: string | null | undefined;
};

/** What Google gave the client: exactly one of these. */
export type GoogleLoginInput =
  {   /** An access token that was issued to this server's client id, for the address (`email`) too. */
  accessToken: string; authorizationCode?: never; idToken?: never; }
  |  { accessToken?: never;   /** A code that came back to the browser that had asked `startGoogleLogin`. */
  authorizationCode: GoogleAuthorizationCodeInput; idToken?: never; }
  |  { accessToken?: never; authorizationCode?: never;   /** An ID token: from One Tap, or a native app. */
  idToken: GoogleIdTokenInput; };

/** An ID token. */
export type IdTokenInput = {
  /** The token, issued to this server's client id. */
  idToken: string;
  /** The nonce that the client had the provider put into the token. In a reauthentication it is that one's id. */
  nonce?: string | null | undefined;
};

/** Who vouches for an identity. Values may be added: keep a default branch. */
export const IdentityProvider = {
  /** Google. */
  Google: 'GOOGLE'
} as const;

export type IdentityProvider = typeof IdentityProvider[keyof typeof IdentityProvider];
/** What to sign in with. */
export type LoginInput = {
  /** A username or an email address; at most 254 bytes. */
  identifier: string;
  /** The password; at most 128 characters. */
  password: string;
};

/** What a provider gave to the client. */
export type ProviderLoginInput = {
  /** What it gave. */
  proof: ProviderProof;
  /** The provider's id: `google`. */
  provider: string;
};

/** What a provider gave to the client: exactly one of these. */
export type ProviderProof =
  {   /** An access token. It proves nothing of this moment, and is refused here. */
  accessToken: string; authorizationCode?: never; idToken?: never; }
  |  { accessToken?: never;   /** A code that came back to the browser that had asked `startGoogleLogin`. */
  authorizationCode: AuthorizationCodeInput; idToken?: never; }
  |  { accessToken?: never; authorizationCode?: never;   /** An ID token: from a native app, or from a script of the provider's. */
  idToken: IdTokenInput; };

/** What proves who the viewer is: exactly one of these. */
export type ReauthenticationProof =
  {   /** The code that was mailed. */
  emailCode: string; identity?: never; password?: never; }
  |  { emailCode?: never;   /** What a provider gave for a linked account. */
  identity: ProviderLoginInput; password?: never; }
  |  { emailCode?: never; identity?: never;   /** The password of the account. */
  password: string; };

/** A new password, and the leave to set it. */
export type ResetPasswordInput = {
  /** At least `passwordMinLength` and at most 128 characters of any kind, and not easily guessed. */
  newPassword: string;
  /** Checked where given: must equal `newPassword`. */
  newPasswordConfirmation?: string | null | undefined;
  /** The token of the emailed link: what stands behind `token=`. */
  token: string;
};

/** What a person may do. Each may do what those before may. */
export const Role = {
  /** See everybody's account. */
  Staff: 'STAFF',
  /** Change everybody's account. */
  Superuser: 'SUPERUSER',
  /** Use their own account. */
  User: 'USER'
} as const;

export type Role = typeof Role[keyof typeof Role];
/** What may happen. Values may be added: keep a default branch. */
export const SessionEventKind = {
  /** The address is proven: the one that was there, or another in its place. */
  EmailVerified: 'EMAIL_VERIFIED',
  /** The password is another, or there is one now. */
  PasswordChanged: 'PASSWORD_CHANGED',
  /**
   * Something else that `me` tells is another: names, what people say of themselves, what signs them in, their role, or
   * whether they may sign in.
   */
  ProfileChanged: 'PROFILE_CHANGED',
  /** A session is over, by whomever: it was ended before it expired. */
  SessionEnded: 'SESSION_ENDED',
  /** Somebody signed in. */
  SessionStarted: 'SESSION_STARTED'
} as const;

export type SessionEventKind = typeof SessionEventKind[keyof typeof SessionEventKind];
/** A new account. `email` is required unless the server is configured otherwise; then `username` is required in its place. */
export type SignupInput = {
  /** The address: an ASCII local part, and a domain that may be international; at most 254 bytes. */
  email?: string | null | undefined;
  /** The given name; at most 150 characters. */
  firstName?: string | null | undefined;
  /** The family name; at most 150 characters. */
  lastName?: string | null | undefined;
  /** The full name; at most 150 characters. */
  name?: string | null | undefined;
  /** At least `passwordMinLength` and at most 128 characters of any kind, and not easily guessed. */
  password: string;
  /** Checked where given: must equal `password`. */
  passwordConfirmation?: string | null | undefined;
  /** The name to sign in with: 3 to 30 of the letters a to z, digits, and `_ . -`; unique whatever the case. */
  username?: string | null | undefined;
};

/** Changes to a profile. Fields left out stay as they are; null, or blank, clears. */
export type UpdateProfileInput = {
  /** A picture, by an https URL of at most 2,048 bytes. */
  avatarUrl?: string | null | undefined;
  /** What one says of oneself; at most 500 characters, in lines. */
  bio?: string | null | undefined;
  /** The given name; at most 150 characters. */
  firstName?: string | null | undefined;
  /** The family name; at most 150 characters. */
  lastName?: string | null | undefined;
  /** The full name; at most 150 characters. Without one it is first and last name joined. */
  name?: string | null | undefined;
  /**
   * The name to sign in with: 3 to 30 of the letters a to z, digits, and `_ . -`; unique whatever the case. It can be
   * cleared where there is an email address.
   */
  username?: string | null | undefined;
};

/** Conditions on users, joined by `and`. */
export type UserFilter = {
  /** Whether they have proven their email address. */
  emailVerified?: boolean | null | undefined;
  /** Whether they may sign in. */
  isActive?: boolean | null | undefined;
  /** What they may do. */
  role?: Role | null | undefined;
  /** The beginning of an email address, username, first, last or full name, ignoring case; two characters or more. */
  search?: string | null | undefined;
};

/**
 * A code. With `challengeId` it is judged against that challenge; without, against the newest to prove the address and the newest
 * to sign in.
 */
export type VerifyOtpInput = {
  /** The id of the `EmailChallenge`. Tries are then counted for it alone, so that nobody else can use them up. */
  challengeId?: string | null | undefined;
  /** The address that it was mailed to. */
  email: string;
  /** The digits; spaces and hyphens between them do not matter. */
  otp: string;
};

export type AuthSettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type AuthSettingsQuery = { answer: { signupEnabled: boolean, emailRequired: boolean, emailVerification: EmailVerificationMode, emailVerificationMethod: ChallengeMethod, otpLength: number, passwordMinLength: number, passwordMaxLength: number, usernameMinLength: number, usernameMaxLength: number, googleClientId: string | null } };

export type UsernameAvailableQueryVariables = Exact<{
  username: string;
}>;


export type UsernameAvailableQuery = { answer: boolean };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { answer: UserFragment };

export type SignupMutationVariables = Exact<{
  input: SignupInput;
}>;


export type SignupMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
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


export type UsersQuery = { answer: { nodes: Array<UserFragment>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

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


export type PostToDashboardMutation = { answer: { response: string } };

export type SessionEventsSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type SessionEventsSubscription = { answer: { kind: SessionEventKind, at: string, sessionId: string | null } };

export type UserFragment = { id: string, email: string | null, emailVerified: boolean, username: string | null, name: string | null, firstName: string | null, lastName: string | null, bio: string | null, avatarUrl: string | null, role: Role, isActive: boolean, hasPassword: boolean, createdAt: string, updatedAt: string, lastLoginAt: string | null };

export type SessionFragment = { id: string, createdAt: string, lastUsedAt: string, expiresAt: string, userAgent: string | null, ipAddress: string | null, authenticatedAt: string, methods: Array<AuthenticationMethod>, isCurrent: boolean };

export type EmailChallengeFragment = { id: string, purpose: ChallengePurpose, method: ChallengeMethod, email: string, expiresIn: number, resendIn: number, kind: 'EmailChallenge' };

export type AuthPayloadFragment = { accessToken: string, expiresIn: number, refreshToken: string | null, kind: 'AuthPayload', user: UserFragment, session: SessionFragment, emailChallenge: EmailChallengeFragment | null };

export type ReauthenticatedFragment = { accessToken: string, expiresIn: number, kind: 'Reauthenticated', session: SessionFragment };

export type UserErrorFragment = { code: ErrorCode, message: string, retryAfter: number | null, kind: 'UserError', fields: Array<{ field: string, code: FieldErrorCode, message: string }> };

type SignInResult_AuthPayload_Fragment = AuthPayloadFragment;

type SignInResult_EmailChallenge_Fragment = EmailChallengeFragment;

type SignInResult_UserError_Fragment = UserErrorFragment;

export type SignInResultFragment =
  | SignInResult_AuthPayload_Fragment
  | SignInResult_EmailChallenge_Fragment
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

export type StartGoogleLoginMutationVariables = Exact<{
  redirectUri?: string | null | undefined;
}>;


export type StartGoogleLoginMutation = { answer:
    | { authorizationUrl: string, state: string, codeVerifier: string, expiresIn: number, kind: 'GoogleAuthorization' }
    | UserErrorFragment
   };

export type GoogleLoginMutationVariables = Exact<{
  input: GoogleLoginInput;
}>;


export type GoogleLoginMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
    | SignInResult_UserError_Fragment
   };

export type LinkGoogleMutationVariables = Exact<{
  input: GoogleLoginInput;
}>;


export type LinkGoogleMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type UnlinkGoogleMutationVariables = Exact<{ [key: string]: never; }>;


export type UnlinkGoogleMutation = { answer:
    | UserResult_User_Fragment
    | UserResult_UserError_Fragment
   };

export type IdentitiesQueryVariables = Exact<{ [key: string]: never; }>;


export type IdentitiesQuery = { answer: { identities: Array<{ provider: IdentityProvider, email: string | null, linkedAt: string }> } };

export type VerifyOtpMutationVariables = Exact<{
  input: VerifyOtpInput;
}>;


export type VerifyOtpMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
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

export type StartReauthenticationMutationVariables = Exact<{
  sendCode?: boolean;
}>;


export type StartReauthenticationMutation = { answer:
    | { id: string, methods: Array<AuthenticationMethod>, expiresIn: number, kind: 'Reauthentication', emailChallenge: EmailChallengeFragment | null }
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

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { answer:
    | SignInResult_AuthPayload_Fragment
    | SignInResult_EmailChallenge_Fragment
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

const User = 'fragment User on User{id email emailVerified username name firstName lastName bio avatarUrl role isActive hasPassword createdAt updatedAt lastLoginAt}';
const Session = 'fragment Session on Session{id createdAt lastUsedAt expiresAt userAgent ipAddress authenticatedAt methods isCurrent}';
const EmailChallenge = 'fragment EmailChallenge on EmailChallenge{kind:__typename id purpose method email expiresIn resendIn}';
const AuthPayload = 'fragment AuthPayload on AuthPayload{kind:__typename user{...User}session{...Session}accessToken expiresIn refreshToken emailChallenge{...EmailChallenge}}';
const Reauthenticated = 'fragment Reauthenticated on Reauthenticated{kind:__typename session{...Session}accessToken expiresIn}';
const UserError = 'fragment UserError on UserError{kind:__typename code message fields{field code message}retryAfter}';
const SignInResult = 'fragment SignInResult on SignInResult{...AuthPayload ...EmailChallenge ...UserError}';
const EmailChallengeResult = 'fragment EmailChallengeResult on EmailChallengeResult{...EmailChallenge ...UserError}';
const PasswordChangeResult = 'fragment PasswordChangeResult on PasswordChangeResult{...on PasswordChanged{kind:__typename endedSessionIds}...UserError}';
const UserResult = 'fragment UserResult on UserResult{...on User{kind:__typename ...User}...UserError}';

export const authSettingsDocument = ('query authSettings{answer:authSettings{signupEnabled emailRequired emailVerification emailVerificationMethod otpLength passwordMinLength passwordMaxLength usernameMinLength usernameMaxLength googleClientId}}') as Document<AuthSettingsQuery, AuthSettingsQueryVariables>;
export const usernameAvailableDocument = ('query usernameAvailable($username:String!){answer:usernameAvailable(username:$username)}') as Document<UsernameAvailableQuery, UsernameAvailableQueryVariables>;
export const meDocument = ('query me{answer:me{...User}}' + User) as Document<MeQuery, MeQueryVariables>;
export const signupDocument = ('mutation signup($input:SignupInput!){answer:signup(input:$input){...SignInResult}}' + SignInResult + AuthPayload + User + Session + EmailChallenge + UserError) as Document<SignupMutation, SignupMutationVariables>;
export const updateProfileDocument = ('mutation updateProfile($input:UpdateProfileInput!){answer:updateProfile(input:$input){...UserResult}}' + UserResult + User + UserError) as Document<UpdateProfileMutation, UpdateProfileMutationVariables>;
export const changePasswordDocument = ('mutation changePassword($input:ChangePasswordInput!){answer:changePassword(input:$input){...PasswordChangeResult}}' + PasswordChangeResult + UserError) as Document<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const userDocument = ('query user($id:ID!){answer:user(id:$id){...User}}' + User) as Document<UserQuery, UserQueryVariables>;
export const usersDocument = ('query users($first:Int$after:String$last:Int$before:String$filter:UserFilter){answer:users(first:$first after:$after last:$last before:$before filter:$filter){nodes{...User}pageInfo{hasNextPage hasPreviousPage startCursor endCursor}}}' + User) as Document<UsersQuery, UsersQueryVariables>;
export const setUserRoleDocument = ('mutation setUserRole($id:ID!$role:Role!){answer:setUserRole(id:$id role:$role){...UserResult}}' + UserResult + User + UserError) as Document<SetUserRoleMutation, SetUserRoleMutationVariables>;
export const setUserActiveDocument = ('mutation setUserActive($id:ID!$active:Boolean!){answer:setUserActive(id:$id active:$active){...UserResult}}' + UserResult + User + UserError) as Document<SetUserActiveMutation, SetUserActiveMutationVariables>;
export const dashboardDocument = ('query dashboard{answer:dashboard{response}}') as Document<DashboardQuery, DashboardQueryVariables>;
export const postToDashboardDocument = ('mutation postToDashboard($text:String!){answer:postToDashboard(text:$text){response}}') as Document<PostToDashboardMutation, PostToDashboardMutationVariables>;
export const sessionEventsDocument = ('subscription sessionEvents{answer:sessionEvents{kind at sessionId}}') as Document<SessionEventsSubscription, SessionEventsSubscriptionVariables>;
export const startGoogleLoginDocument = ('mutation startGoogleLogin($redirectUri:String){answer:startGoogleLogin(redirectUri:$redirectUri){...on GoogleAuthorization{kind:__typename authorizationUrl state codeVerifier expiresIn}...UserError}}' + UserError) as Document<StartGoogleLoginMutation, StartGoogleLoginMutationVariables>;
export const googleLoginDocument = ('mutation googleLogin($input:GoogleLoginInput!){answer:googleLogin(input:$input){...SignInResult}}' + SignInResult + AuthPayload + User + Session + EmailChallenge + UserError) as Document<GoogleLoginMutation, GoogleLoginMutationVariables>;
export const linkGoogleDocument = ('mutation linkGoogle($input:GoogleLoginInput!){answer:linkGoogle(input:$input){...UserResult}}' + UserResult + User + UserError) as Document<LinkGoogleMutation, LinkGoogleMutationVariables>;
export const unlinkGoogleDocument = ('mutation unlinkGoogle{answer:unlinkGoogle{...UserResult}}' + UserResult + User + UserError) as Document<UnlinkGoogleMutation, UnlinkGoogleMutationVariables>;
export const identitiesDocument = ('query identities{answer:me{identities{provider email linkedAt}}}') as Document<IdentitiesQuery, IdentitiesQueryVariables>;
export const verifyOtpDocument = ('mutation verifyOtp($input:VerifyOtpInput!){answer:verifyOtp(input:$input){...SignInResult}}' + SignInResult + AuthPayload + User + Session + EmailChallenge + UserError) as Document<VerifyOtpMutation, VerifyOtpMutationVariables>;
export const resendOtpDocument = ('mutation resendOtp($email:String!$challengeId:ID){answer:resendOtp(email:$email challengeId:$challengeId){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<ResendOtpMutation, ResendOtpMutationVariables>;
export const requestLoginCodeDocument = ('mutation requestLoginCode($email:String!){answer:requestLoginCode(email:$email){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<RequestLoginCodeMutation, RequestLoginCodeMutationVariables>;
export const activateAccountDocument = ('mutation activateAccount($token:String!$challengeId:ID$password:String){answer:activateAccount(token:$token challengeId:$challengeId password:$password){...SignInResult}}' + SignInResult + AuthPayload + User + Session + EmailChallenge + UserError) as Document<ActivateAccountMutation, ActivateAccountMutationVariables>;
export const resendActivationEmailDocument = ('mutation resendActivationEmail($email:String!$challengeId:ID){answer:resendActivationEmail(email:$email challengeId:$challengeId){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<ResendActivationEmailMutation, ResendActivationEmailMutationVariables>;
export const requestPasswordResetDocument = ('mutation requestPasswordReset($email:String!){answer:requestPasswordReset(email:$email){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<RequestPasswordResetMutation, RequestPasswordResetMutationVariables>;
export const resetPasswordDocument = ('mutation resetPassword($input:ResetPasswordInput!){answer:resetPassword(input:$input){...PasswordChangeResult}}' + PasswordChangeResult + UserError) as Document<ResetPasswordMutation, ResetPasswordMutationVariables>;
export const changeEmailDocument = ('mutation changeEmail($input:ChangeEmailInput!){answer:changeEmail(input:$input){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<ChangeEmailMutation, ChangeEmailMutationVariables>;
export const startReauthenticationDocument = ('mutation startReauthentication($sendCode:Boolean!=false){answer:startReauthentication(sendCode:$sendCode){...on Reauthentication{kind:__typename id methods emailChallenge{...EmailChallenge}expiresIn}...UserError}}' + EmailChallenge + UserError) as Document<StartReauthenticationMutation, StartReauthenticationMutationVariables>;
export const reauthenticateDocument = ('mutation reauthenticate($id:ID!$proof:ReauthenticationProof!){answer:reauthenticate(id:$id proof:$proof){...Reauthenticated ...UserError}}' + Reauthenticated + Session + UserError) as Document<ReauthenticateMutation, ReauthenticateMutationVariables>;
export const revertSecurityChangeDocument = ('mutation revertSecurityChange($token:String!$proof:ReauthenticationProof){answer:revertSecurityChange(token:$token proof:$proof){...EmailChallengeResult}}' + EmailChallengeResult + EmailChallenge + UserError) as Document<RevertSecurityChangeMutation, RevertSecurityChangeMutationVariables>;
export const loginDocument = ('mutation login($input:LoginInput!){answer:login(input:$input){...SignInResult}}' + SignInResult + AuthPayload + User + Session + EmailChallenge + UserError) as Document<LoginMutation, LoginMutationVariables>;
export const refreshDocument = ('mutation refresh($refreshToken:String){answer:refresh(refreshToken:$refreshToken){...AuthPayload ...UserError}}' + AuthPayload + User + Session + EmailChallenge + UserError) as Document<RefreshMutation, RefreshMutationVariables>;
export const logoutDocument = ('mutation logout($refreshToken:String){answer:logout(refreshToken:$refreshToken){endedSessionIds}}') as Document<LogoutMutation, LogoutMutationVariables>;
export const logoutAllDocument = ('mutation logoutAll{answer:logoutAll{endedSessionIds}}') as Document<LogoutAllMutation, LogoutAllMutationVariables>;
export const revokeSessionDocument = ('mutation revokeSession($id:ID!){answer:revokeSession(id:$id){endedSessionIds}}') as Document<RevokeSessionMutation, RevokeSessionMutationVariables>;
export const sessionsDocument = ('query sessions{answer:me{sessions{...Session}}}' + Session) as Document<SessionsQuery, SessionsQueryVariables>;