// Generated from schema.graphql and the app's own operations: in tests/node, `npm run generate`.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { Document } from '../client';
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

export type StaffUsersQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: UserFilter | null | undefined;
}>;


export type StaffUsersQuery = { users: { totalCount: number, nodes: Array<{ id: string, name: string | null, email: string | null, username: string | null, role: Role, isActive: boolean, lastLoginAt: string | null, secondFactors: Array<SecondFactorMethod> }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } | null };


export const staffUsersDocument = ('query staffUsers($first:Int$after:String$last:Int$before:String$filter:UserFilter){users(first:$first after:$after last:$last before:$before filter:$filter){nodes{id name email username role isActive lastLoginAt secondFactors}pageInfo{hasNextPage hasPreviousPage startCursor endCursor}totalCount}}') as Document<StaffUsersQuery, StaffUsersQueryVariables>;